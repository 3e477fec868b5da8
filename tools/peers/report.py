"""From the turns of all rounds to the table that compare_peers.py prints."""
import os, pathlib, re, statistics, time

# The runtime that most people without a GPU use: every row says how it stands to it.
YARDSTICK = "ort_cpu"


def machine():
    """The processor, its number of cores, and the widest vectors that it has."""
    info = pathlib.Path("/proc/cpuinfo")
    text = info.read_text() if info.exists() else ""
    model, family, number = (re.search(rf"^{key}\s*:\s*(.*)$", text, re.M) for key in ("model name", "cpu family", "model"))
    name = f"{model[1]} (family {family[1]}, model {number[1]})" if model and family and number else "an unknown processor"
    flags = set(re.search(r"^flags\s*:\s*(.*)$", text, re.M)[1].split()) if "\nflags" in text else set()
    widest = next((word for flag, word in (("avx512f", "AVX-512"), ("avx2", "AVX2"), ("avx", "AVX")) if flag in flags), None)
    return ", ".join(filter(None, [name, f"{os.cpu_count()} cores", widest]))


def summarise(rounds, about, titles, left_out, checked):
    """The document that --json keeps: a row for each runtime, in the order of `titles`."""
    first = about["ours"][0]
    rows = []
    for name, title in titles.items():
        turns = [r[name] for r in rounds if name in r]
        if turns:
            peaks = [t["peak_mb"] for t in turns if t.get("peak_mb")]
            errors = [t["error"] for t in turns if "error" in t] + [error for error in [checked.get(name)] if error is not None]
            rows.append({"name": name, "title": title, "rounds": len(turns),
                         "version": turns[-1].get("version"), "median_ms": statistics.median(t["median_ms"] for t in turns),
                         "first_ms": min(t["first_ms"] for t in turns), "peak_mb": max(peaks, default=None),
                         "error": max(errors, default=None),
                         "to_yardstick": ratio(rounds, name, YARDSTICK), "ours_to_it": ratio(rounds, first, name)})
    return {**about, "date": time.strftime("%Y-%m-%d"), "rows": rows, "checked": checked, "left_out": left_out,
            "rounds": rounds}


def ratio(rounds, above, below):
    """Median, least and greatest ratio of times within a round; None where no round has both, or they are the same."""
    ratios = [r[above]["median_ms"] / r[below]["median_ms"] for r in rounds if above in r and below in r]
    return [statistics.median(ratios), min(ratios), max(ratios)] if ratios and above != below else None


def table(s):
    """The summary as Markdown."""
    def cell(ratio):
        return f"{ratio[0]:.3g} ({ratio[1]:.3g} to {ratio[2]:.3g})" if ratio else ""
    size = f", lavapipe {s['lavapipe_threads']}" if s["lavapipe_threads"] != s["threads"] else ""
    lines = [f"{s['arch']}, batch {s['batch']}, {s['threads']} threads{size}, on {s['machine']}, {s['date']}:", "",
             "| runtime | median ms | ms an image | times ONNX Runtime's on the CPU, median (min to max) | ours / theirs | rounds | "
             "first answer, best, ms | peak memory, MB |", "|---|---|---|---|---|---|---|---|"]
    for r in s["rows"]:
        peak = f"{r['peak_mb']:.0f}" if r["peak_mb"] else ""
        version = f"{r['version']}, " if r["version"] else ""
        lines.append(f"| {version}{r['title']} | {r['median_ms']:.1f} | {r['median_ms'] / s['batch']:.1f} | "
                     f"{cell(r['to_yardstick'])} | {cell(r['ours_to_it'])} | {r['rounds']} | {r['first_ms']:.0f} | {peak} |")
    lines += [""] * bool(s["left_out"]) + [f"{name} is left out: {why}" for name, why in s["left_out"].items()]
    return "\n".join(lines)

#!/usr/bin/env python3
"""Write OUT_DIR/summary.md, one page, from the results that are in OUT_DIR so far; run.sh calls it after each step.

    summary.py OUT_DIR [--peak TFLOPS]
"""
import argparse, os, re, time
from collections import defaultdict

from peaks import peak
from results import Results

PEERS = {"torch_eager": "eager", "torch_channels_last": "channels_last", "torch_graph": "channels_last, CUDA graph",
         "torch_compile": "torch.compile, CUDA graphs", "ort_cuda": "CUDA", "ncnn_vulkan": "Vulkan", "burn": "wgpu"}
WORST = 12


def number(value):
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def markdown(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(str(cell).replace("|", "/") for cell in row) + " |" for row in rows]


def head(r, tflops):
    card, clocks, adapter = r.card(), r.clocks(), r.adapter()
    name = card[0] if card else adapter["name"] if adapter else "a machine without a card"
    yield f"# {name}, {time.strftime('%Y-%m-%d')}"
    yield ""
    if card:
        yield (f"Driver {card[1]}, {card[2]} MiB, at most {card[3]} MHz (memory {card[4]} MHz), {card[5]} W."
               + (f" While this ran: up to {clocks[0]:.0f} MHz, {clocks[1]:.0f} W." if clocks else ""))
    if adapter:
        yield f"Ours ran on {adapter['name']} ({adapter.get('backend', 'CPU engine')}, {adapter.get('driver', '')})."
    about = {}
    for line in r.text("machine.txt").splitlines():
        key, colon, value = line.partition(":")
        if colon:
            about.setdefault(key.strip(), value.strip())
    version = next((line for line in r.text("machine.txt").splitlines() if line.startswith("densenet ")), "")
    if about:
        yield (f"Processor: {about.get('Model name', 'unknown')}, {about.get('CPU(s)', '?')} threads. {version}, "
               f"commit {about.get('commit', 'unknown')}.")
    if tflops:
        yield f"f32 peak that shares refer to: {tflops} TFLOP/s, without tensor cores, as the maker states it."
    else:
        yield "The card's f32 peak is not known, so no shares of it are given: summary.py --peak TFLOPS."


def passed(r):
    verified = list(r.verified())
    if not verified and not (r.json("doctor.json") or r.json("doctor-quick.json")):
        return
    yield "## Right or wrong"
    yield ""
    if doctor := (r.json("doctor.json") or r.json("doctor-quick.json")):
        counts = defaultdict(list)
        for variant in doctor.get("variants", []):
            counts[variant["result"]].append(variant["variant"] + (f" ({variant['reason']})" if variant.get("reason") else ""))
        yield "- self-test: " + (", ".join(f"{len(names)} {result}" for result, names in counts.items()) or "nothing tested")
        for result in ("wrong", "failed"):
            yield from (f"  - {result}: {name}" for name in counts[result][:10])
    for arch, precision, document in verified:
        beyond, taps = document.get("first_beyond"), document.get("taps", [])
        said = f"**differs from the CPU reference, first at {beyond}**" if beyond else (
            f"all {len(taps)} layers agree with the CPU reference")
        yield f"- {arch} {precision} at {document['size']}: {said}"


def times(r, tflops):
    benches = r.benches()
    arches = sorted({arch for _, arch, _ in benches})
    peers = list(r.peers())
    batches = sorted({batch for _, _, batch in benches} | {row["batch"] for _, rows in peers for row in rows})
    if not batches:
        return
    yield "## Times"
    yield ""
    yield ("Median ms of a whole run at 224x224, from an input in the host's memory to logits in it; f32, but where a row says "
           "TF32. In brackets, ours: the share of the card's f32 peak. Theirs: what the card alone takes, and the whole run divided "
           "by our best, so above 1 ours is faster.")
    yield ""
    rows = []
    for arch in arches:
        for when, title in (("before", "before tuning"), ("after", "tuned")):
            here = {batch: benches.get((when, arch, batch)) for batch in batches}
            if any(here.values()):
                rows.append([f"**ours**, {arch}, {title}"] + [our_cell(here[batch], tflops) for batch in batches])
    best = {batch: min((benches[key]["results"][0]["median_ms"] for key in benches if key[1:] == ("densenet121", batch)),
                       default=None) for batch in batches}
    for peer, found in peers:
        for tf32 in (False, True):
            mine = {row["batch"]: row for row in found if row["tf32"] == tf32}
            if mine:
                version = next((row["version"] for row in mine.values() if row.get("version")), peer)
                title = f"{version}, {PEERS.get(peer, peer)}, densenet121" + (", TF32" if tf32 else "")
                rows.append([title] + [peer_cell(mine.get(batch), best[batch]) for batch in batches])
    yield from markdown(["runtime"] + [f"batch {batch}" for batch in batches], rows)


def our_cell(document, tflops):
    if not document:
        return ""
    result = document["results"][0]
    share = f" ({share_of(result['gflops'], tflops)} of peak)" if tflops else ""
    return f"{number(result['median_ms'])}{share}"


def peer_cell(row, ours):
    if not row:
        return ""
    if "failed" in row:
        return row["failed"][:60]
    notes = []
    if "device_median_ms" in row:
        notes.append(f"card {number(row['device_median_ms'])}")
    if ours:
        notes.append(f"{number(row['median_ms'] / ours)} times ours")
    return number(row["median_ms"]) + (f" ({', '.join(notes)})" if notes else "")


def share_of(gflops, tflops):
    return f"{gflops / tflops / 10:.1f} %"


def layers(r, tflops):
    """The kinds of steps that take longest, for DenseNet-121 at the smallest and the largest batch that was timed."""
    benches = {key: document for key, document in r.benches().items() if key[1] == "densenet121" and document.get("layers")}
    batches = sorted({batch for _, _, batch in benches})
    for batch in sorted({*batches[:1], *batches[-1:]}):
        when = "after" if ("after", "densenet121", batch) in benches else "before"
        kinds = defaultdict(lambda: [0, 0.0, 0.0, set()])
        for step in benches[when, "densenet121", batch]["layers"]:
            kind = kinds[re.sub(r"^features\.|\.denselayer\d+", "", step["name"])]
            kind[0] += 1
            kind[1] += step["ms"]
            kind[2] += step["gflops"] * step["ms"]
            kind[3].add(step["kernel"])
        total = sum(kind[1] for kind in kinds.values())
        yield f"## Where the time goes: DenseNet-121, batch {batch}, {'tuned' if when == 'after' else 'before tuning'}"
        yield ""
        yield f"{number(total)} ms, each step in a pass of its own, which is slower than a whole run."
        yield ""
        worst = sorted(kinds.items(), key=lambda item: -item[1][1])[:WORST]
        rows = [[name, count, number(ms), f"{ms / total:.0%}", f"{work / ms:.0f}" if ms else "",
                 share_of(work / ms, tflops) if tflops and ms else "", ", ".join(sorted(kernels)[:3])]
                for name, (count, ms, work, kernels) in worst]
        yield from markdown(["steps", "count", "ms", "share", "GFLOP/s", "of peak", "kernels"], rows)
        yield ""


def left_out(r):
    other = [step for step in r.steps() if step[1] != "ok"]
    if other:
        yield "## Failed, cut, missing or skipped"
        yield ""
        yield from (f"- {name}: {outcome}" + (f" after {seconds} s" if seconds != "0" else "") + (f": {text}" if text else "")
                    for name, outcome, seconds, text in other)
    yield ""
    yield f"{sum(int(step[2]) for step in r.steps())} s in {len(r.steps())} steps; steps.tsv has each."


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder")
    p.add_argument("--peak", type=float, help="the card's f32 peak in TFLOP/s, where peaks.py does not know it")
    a = p.parse_args()
    r = Results(a.folder)
    tflops = a.peak or peak((r.card() or [None])[0])
    parts = [head(r, tflops), passed(r), times(r, tflops), layers(r, tflops), left_out(r)]
    page = "\n\n".join(filter(None, ("\n".join(part).strip() for part in parts)))
    part = r.folder / ".summary.md"
    part.write_text(page + "\n")
    os.replace(part, r.folder / "summary.md")


if __name__ == "__main__":
    main()

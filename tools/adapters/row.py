#!/usr/bin/env python3
"""Turn reports of `densenet doctor --json` into rows of the table in docs/adapters.md.

    row.py REPORT.json.. [--date 2026-11-27] [--into docs/adapters.md]

Prints a row for each adapter of the reports. --into puts the rows under the table's marker instead; a row of the same adapter
and driver is replaced. Needs nothing but Python.
"""
import argparse, datetime, json, os, pathlib, sys

MARKER = "<!-- rows -->"
# How many names a cell may hold.
NAMES = 3


def rows(report, date):
    """A row for each adapter; the CPU engine is no adapter."""
    for index, engine in adapters(report):
        of_it = {part: [entry for entry in report.get(part) or [] if entry.get("adapter") == index]
                 for part in ("variants", "verify", "times", "choices")}
        cells = [engine["name"], f"{engine.get('backend') or '?'}, {engine.get('driver') or '?'}", date,
                 report.get("version") or "?", self_test(of_it["variants"]), verified(of_it["verify"]), times(of_it["times"]),
                 choices(of_it["choices"])]
        # What a driver calls itself is no markup.
        yield "| " + " | ".join(" ".join(cell.replace("|", "/").replace("<", "(").split()) for cell in cells) + " |"


def adapters(report):
    """Each adapter, with its place among the engines, by which the other lists name it."""
    return [(place, engine) for place, engine in enumerate(report["engines"]) if engine.get("kind") != "cpu"]


def self_test(variants):
    named = {result: [v["variant"] for v in variants if v["result"] == result] for result in ("wrong", "failed")}
    counts = [f"{sum(v['result'] == result for v in variants)} {result}" for result in ("ok", "unsupported")
              if any(v["result"] == result for v in variants)]
    bad = [f"**{len(names)} {result}: {listed(names)}**" for result, names in named.items() if names]
    return ", ".join(bad + counts) or "-"


def verified(networks):
    def one(network):
        verdict = "ok" if network["ok"] else f"**differs at {network['first_beyond']}**"
        return f"{network['arch']} {network['precision']} {verdict}"
    return ", ".join(one(network) for network in networks) or "-"


def times(measured):
    """DenseNet-121's medians with a batch of 1 and of 8."""
    medians = {t["batch"]: t["median_ms"] for t in measured if t["arch"] == "densenet121"}
    cells = [(f"{medians[batch]:.0f}" if medians[batch] >= 100 else f"{medians[batch]:.3g}") if batch in medians else "-" for batch in (1, 8)]
    return " / ".join(cells)


def choices(chosen):
    """The variants that most layers took, without the folder of their names."""
    counts = {}
    for choice in chosen:
        name = choice["variant"].partition("/")[2]
        counts[name] = counts.get(name, 0) + 1
    most = sorted(counts, key=lambda name: (-counts[name], name))
    return listed([f"{name} ({counts[name]})" for name in most]) or "-"


def listed(names):
    more = len(names) - NAMES
    return ", ".join(names[:NAMES]) + (f" and {more} more" if more > 0 else "")


def insert(page, new):
    """The page with the rows in the table below its marker; rows of the same adapter and driver give way."""
    lines = page.splitlines()
    if MARKER not in lines:
        raise ValueError(f"no line says {MARKER}")
    start = lines.index(MARKER) + 3  # behind the header and the line below it
    end = start
    while end < len(lines) and lines[end].startswith("|"):
        end += 1
    renewed = {adapter_and_driver(row) for row in new}
    kept = [row for row in lines[start:end] if adapter_and_driver(row) not in renewed]
    return "\n".join(lines[:start] + sorted(kept + new) + lines[end:]) + "\n"


def adapter_and_driver(row):
    return tuple(cell.strip() for cell in row.split("|")[1:3])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("reports", nargs="+", type=pathlib.Path, metavar="REPORT.json")
    p.add_argument("--date", default=datetime.date.today().isoformat(), help="when the reports were made (default: today)")
    p.add_argument("--into", type=pathlib.Path, metavar="PAGE.md")
    a = p.parse_args()
    new = []
    for path in a.reports:
        try:
            new += rows(json.loads(path.read_text()), a.date)
        except (ValueError, KeyError, TypeError) as error:
            sys.exit(f"{path}: no report of densenet doctor --json: {type(error).__name__}: {error}")
    if not a.into:
        print("\n".join(new))
        return
    try:
        page = insert(a.into.read_text(), new)
    except ValueError as error:
        sys.exit(f"{a.into}: {error}")
    part = a.into.with_name(a.into.name + ".part")
    part.write_text(page)
    os.replace(part, a.into)


if __name__ == "__main__":
    main()

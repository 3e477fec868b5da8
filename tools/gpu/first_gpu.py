#!/usr/bin/env python3
"""Print the index of the first GPU in what `densenet adapters --json` printed; nothing where there is none."""
import json, sys

with open(sys.argv[1]) as file:
    adapters = json.load(file)["adapters"]
# Vulkan before GL, which lists the same cards again.
gpus = [a for a in adapters if a["kind"] not in ("cpu", "software") and a.get("index") is not None]
for adapter in sorted(gpus, key=lambda a: (a["backend"] == "gl", a["kind"] != "discrete"))[:1]:
    print(adapter["index"])

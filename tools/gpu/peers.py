#!/usr/bin/env python3
"""Time one runtime on a card, with DenseNet-121 in f32 at 224x224.

    peers.py NAME --models DIR --json FILE [--batches 1,8,32,64] [--device cuda|cpu] [--budget 1] [--programs DIR]

NAME is torch_eager, torch_channels_last, torch_graph (a CUDA graph of channels_last), torch_compile (with CUDA graphs),
ort_cuda, ncnn_vulkan or burn. DIR has the files that make_models.py or tools/peers made.

Nothing is timed before its logits agree with PyTorch's on the CPU. Then each batch size is timed in two ways, each after warm-ups,
as the median and the least of many runs: from an input in the host's ordinary memory to logits in the host's memory, as ours is
timed; and, in device_median_ms, with an input that is already on the card and logits that stay there, each run waited for.
ncnn and burn have the first alone. FILE is renewed after each row, so that what was timed stays where the time runs out.

A runtime that is not installed, or has no card, is named on stderr, and the exit status is 3.
"""
import argparse, json, os, pathlib, statistics, subprocess, sys, time

ARCH = "densenet121"
# The largest difference from PyTorch's logits on the CPU, relative to their range. TF32 keeps 10 bits of each factor.
TOLERANCE = {False: 1e-3, True: 2e-2}
WARMUP, LEAST, MOST = 5, 5, 200


class Rows:
    """What was timed; the file is renewed with each row."""

    def __init__(self, path, peer):
        self.path, self.document = path, {"peer": peer, "rows": []}

    def add(self, **row):
        self.document["rows"].append(row)
        part = self.path.with_name(self.path.name + ".part")
        part.write_text(json.dumps(self.document, indent=1))
        os.replace(part, self.path)
        print(json.dumps(row))


def times(run, budget, prefix=""):
    """Median and least milliseconds of as many runs as fit into the budget, in seconds, after warm-ups of half of it."""
    def once():
        start = time.perf_counter()
        run()
        return (time.perf_counter() - start) * 1e3
    warm = []
    while len(warm) < WARMUP and sum(warm) < budget * 500:
        warm.append(once())
    count = max(LEAST, min(MOST, int(budget * 1e3 / warm[-1])))
    taken = [once() for _ in range(count)]
    return {f"{prefix}median_ms": statistics.median(taken), f"{prefix}min_ms": min(taken), f"{prefix}runs": count}


def error_of(logits, expected):
    """The largest difference, relative to the range of the expected values."""
    if logits.shape != expected.shape:
        raise ValueError(f"wrong logits: {logits.shape} in place of {expected.shape}")
    return float(abs(logits - expected).max() / (expected.max() - expected.min()))


def time_runtime(load, precisions, a, rows):
    """Times a runtime of Python's. `load(batch, tf32, x)` gives host to host, on the device or None, and the version."""
    import numpy as np
    x, y = (np.load(a.models / f"{ARCH}.{part}.npy") for part in ("input", "logits"))
    for tf32 in precisions:
        for batch in a.batches:
            # A batch beyond the images that are there repeats them.
            images, expected = (np.ascontiguousarray(np.resize(part, (batch, *part.shape[1:]))) for part in (x, y))
            row = {"batch": batch, "tf32": tf32}
            try:
                start = time.perf_counter()
                whole, device, row["version"] = load(batch, tf32, images)
                row["error"] = error_of(whole(images), expected)
                row["load_and_first_ms"] = (time.perf_counter() - start) * 1e3
                if not row["error"] < TOLERANCE[tf32]:  # also catches NaN
                    raise ValueError(f"wrong logits: {row['error']} of their range away from PyTorch's on the CPU")
                row |= times(lambda: whole(images), a.budget)
                if device:
                    row |= times(device, a.budget, "device_")
            except ImportError:
                raise
            except Exception as error:  # the next batch may well fit
                row["failed"] = f"{type(error).__name__}: {error}".splitlines()[0][:300]
                print(row["failed"], file=sys.stderr)
            rows.add(**row)


def time_burn(a, rows):
    """burn's program has its own clock and check, and knows no more images than the files have."""
    import numpy as np
    program, images = a.programs / "peer-burn", len(np.load(a.models / f"{ARCH}.logits.npy", mmap_mode="r"))
    if not program.exists():
        raise ImportError(f"{program} is missing")
    for batch in (batch for batch in a.batches if batch <= images):
        case = [program, a.models.resolve(), ARCH, batch, MOST, a.budget, os.cpu_count(), time.time()]
        done = subprocess.run([str(word) for word in case], capture_output=True, text=True)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        row = json.loads(lines[-1]) if lines else {"failed": (done.stderr.strip().splitlines() or ["it said nothing"])[0]}
        rows.add(batch=batch, tf32=False, **row)


def ncnn_vulkan(a):
    """ncnn knows no batches and takes its images one by one."""
    from python_peers import ncnn

    if not (a.models / f"{ARCH}.ncnn.param").exists():
        raise ImportError(f"{ARCH}.ncnn.param, which pnnx makes")
    run, version = ncnn(a.models, ARCH, 1, os.cpu_count(), True)
    return lambda batch, tf32, x: (run, None, version)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("name")
    p.add_argument("--models", type=pathlib.Path, required=True)
    p.add_argument("--json", type=pathlib.Path, required=True)
    p.add_argument("--batches", type=lambda text: [int(word) for word in text.split(",")], default=[1, 8, 32, 64])
    p.add_argument("--device", default="cuda", help="for PyTorch and ONNX Runtime; cpu to try this script without a card")
    p.add_argument("--budget", type=float, default=1, help="seconds of timed runs for each number")
    p.add_argument("--programs", type=pathlib.Path, default=pathlib.Path("bin"), help="folder of peer-burn")
    a = p.parse_args()
    rows = Rows(a.json, a.name)
    if a.name == "burn":
        time_burn(a, rows)
    elif a.name == "ncnn_vulkan":
        time_runtime(ncnn_vulkan(a), [False], a, rows)
    elif a.name == "ort_cuda":
        import ort_peer
        time_runtime(ort_peer.loader(a.models / f"{ARCH}.onnx", a.device), [False, True], a, rows)
    elif a.name.startswith("torch_"):
        import torch_peer
        time_runtime(torch_peer.loader(a.name, a.models, ARCH, a.device), [False, True], a, rows)
    else:
        sys.exit(f"{a.name} is unknown: peers.py --help lists the names")


if __name__ == "__main__":
    try:
        main()
    except ImportError as error:
        print(f"not installed: {error}", file=sys.stderr)
        sys.exit(3)

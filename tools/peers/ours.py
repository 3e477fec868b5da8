"""Our own turns: densenet-bench, and once densenet beside it, to compare with PyTorch's logits."""
import json, pathlib, subprocess, sys, tempfile

from models import SIZE

WARMUP, TOLERANCE = 3, 1e-3

# What of ours can be timed.
NAMES = ["densenet", "densenet_cpu"]


def turn(a, name, env):
    """Run one turn of densenet-bench, which checks its output with the reference before it reports. The title and the result."""
    command = [a.bench, "--weights", a.models / f"{a.arch}.safetensors", "--size", SIZE, "--batch", a.batch, "--runs", a.runs,
               "--warmup", WARMUP, "--json", *adapter(a, name)]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=env)
    if done.returncode:
        sys.exit(f"{a.bench}: {done.stderr.strip()}")
    document = json.loads(done.stdout[done.stdout.index("{"):])
    device, kernels, result = document["adapter"], document.get("kernels"), document["results"][0]
    how = f"{kernels} kernels on {device['name']}" if kernels else f"CPU engine, {device.get('instructions')}"
    # Of the first run: densenet-bench reads it before it runs the reference.
    peak = result.get("rss_bytes")
    return f"**ours**, {how}", {**result, "peak_mb": peak and peak / 1e6}


def check(a, name, env):
    """Compare our logits with PyTorch's, with `densenet run`; the largest difference, relative to their range."""
    import numpy as np
    program = a.bench.with_name("densenet")
    if not program.exists():
        print(f"{program} is missing: our logits are compared with our reference alone", file=sys.stderr)
        return None
    x, y = (np.load(a.models / f"{a.arch}.{part}.npy")[:a.batch] for part in ("input", "logits"))
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        np.save(scratch / "x.npy", x)
        command = [program, "run", "--input", scratch / "x.npy", "--output", scratch / "y.npy", "--batch", a.batch,
                   "--weights", a.models / f"{a.arch}.safetensors", *adapter(a, name)]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=env)
        if done.returncode:
            sys.exit(f"{program}: {done.stderr.strip()}")
        got = np.load(scratch / "y.npy")
    if got.shape != y.shape:
        sys.exit(f"{program}: wrong logits: {got.shape} in place of {y.shape}")
    error = float(np.abs(got - y).max() / (y.max() - y.min()))
    if not error < TOLERANCE:
        sys.exit(f"{program}: wrong logits: {error} of their range away from PyTorch's")
    return error


def adapter(a, name):
    """The arguments that say what to run on."""
    return ["--adapter", "cpu", "--threads", str(a.threads)] if name == "densenet_cpu" else a.bench_args.split()

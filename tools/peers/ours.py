"""Our own turns: densenet-bench, and densenet beside it for what densenet-bench does not tell."""
import json, pathlib, re, subprocess, sys, tempfile, time

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
    device, kernels = document["adapter"], document.get("kernels")
    how = f"{kernels} kernels on {device['name']}" if kernels else f"CPU engine, {device.get('instructions')}"
    return f"**ours**, {how}", document["results"][0]


def check(a, name, env):
    """Compare our logits with PyTorch's, with `densenet run`, and watch how much memory that takes. Nothing is timed."""
    import numpy as np
    program = a.bench.with_name("densenet")
    if not program.exists():
        print(f"{program} is missing: our logits are compared with our reference alone, memory is not shown", file=sys.stderr)
        return {}
    x, y = (np.load(a.models / f"{a.arch}.{part}.npy")[:a.batch] for part in ("input", "logits"))
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        np.save(scratch / "x.npy", x)
        command = [program, "run", "--input", scratch / "x.npy", "--output", scratch / "y.npy", "--batch", a.batch,
                   "--weights", a.models / f"{a.arch}.safetensors", *adapter(a, name)]
        # Errors go to a file: nobody would read a pipe while the process is watched.
        with open(scratch / "said", "w") as said:
            process = subprocess.Popen([str(word) for word in command], stdout=said, stderr=said, env=env)
            peak = watch(process)
        if process.returncode:
            sys.exit(f"{program}: {(scratch / 'said').read_text().strip()}")
        got = np.load(scratch / "y.npy")
    if got.shape != y.shape:
        sys.exit(f"{program}: wrong logits: {got.shape} in place of {y.shape}")
    error = float(np.abs(got - y).max() / (y.max() - y.min()))
    if not error < TOLERANCE:
        sys.exit(f"{program}: wrong logits: {error} of their range away from PyTorch's")
    return {"error": error, "peak_mb": peak}


def watch(process):
    """The most memory that was resident until the process ended, in megabytes; None where there is no /proc."""
    status, peak = pathlib.Path(f"/proc/{process.pid}/status"), 0
    while process.poll() is None:
        try:
            found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text())
        except OSError:
            found = None
        peak = max(peak, int(found[1]) * 1024 / 1e6 if found else 0)
        time.sleep(0.002)
    return peak or None


def adapter(a, name):
    """The arguments that say what to run on."""
    return ["--adapter", "cpu", "--threads", str(a.threads)] if name == "densenet_cpu" else a.bench_args.split()

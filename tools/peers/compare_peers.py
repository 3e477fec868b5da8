#!/usr/bin/env python3
"""Time densenet-bench and other runtimes in turn, on one machine, at one priority.

    python compare_peers.py --bench target/release/densenet-bench --models DIR [--arch densenet121] [--batch 1] [--threads 2]
                            [--ours densenet,densenet_cpu] [--peers cpu|ncnn_vulkan,ort_cpu,burn,...] [--rounds 5] [--runs 8]
                            [--json F.json [--add]] [--markdown F.md]

Each round times ours, then every peer, each in a process of its own: the median of --runs runs after 3 warm-ups. --budget
limits the seconds that this may take; at least 2 runs are timed. The report gives the median, over the rounds, of the ratios
within a round, because single times mean little on a shared machine. --add appends this call's rounds to those in --json, so
that a long series can be taken in pieces; ratios never cross a round.

`--ours densenet_cpu --peers cpu` compares the CPU engine with the runtimes on the CPU.

The first call exports torchvision's network (random weights, randomised batch norm statistics) to DIR and overwrites nothing
there: if DIR already has files of the network's name, it stops. Every runtime's logits are compared with PyTorch's before
anything is timed. A peer that is missing is left out, and the script says how to install it. README.md beside this file lists
what each peer needs.
"""
import argparse, json, os, pathlib, subprocess, sys, tempfile, time

import ours
from models import IMAGES, SIZE, make_models
from report import machine, summarise, table

HERE = pathlib.Path(__file__).resolve().parent
RUST = HERE / "rust"
SHIM = "liblavapipe_shim.so"

# For each peer: how the table describes it, and how to install it.
PIP = f"pip install -r {HERE / 'requirements.txt'}"
CARGO = f"cargo build --release --manifest-path {RUST / 'Cargo.toml'} -p "
PEERS = {
    "ncnn_vulkan": ("Vulkan, f32", PIP),
    "ort_cpu": ("CPU", PIP),
    "openvino": ("CPU, f32", PIP),
    "ncnn_cpu": ("CPU, f32", PIP),
    "torch_cpu": ("CPU, eager", PIP),
    "ort_webgpu": ("WebGPU (Dawn)", f"python -m venv V && V/bin/pip install -r {HERE / 'requirements-webgpu.txt'}, an "
                   "environment of its own since its module has the same name; then --webgpu-python V/bin/python"),
    "burn": ("wgpu, fusion and autotuning", CARGO + "peer-burn"),
    "tract": ("CPU (Rust)", CARGO + "peer-tract"),
    "rten": ("CPU (Rust)", CARGO + "peer-rten"),
    "candle": ("CPU (Rust)", CARGO + "peer-candle"),
}
IN_RUST = {"burn", "tract", "rten", "candle"}
ON_CPU = [name for name, (how, _) in PEERS.items() if how.startswith("CPU")]


def environment(a):
    """The environment of every process."""
    threads = str(a.threads)
    # rayon is candle's thread pool, OpenMP PyTorch's and ncnn's.
    env = dict(os.environ, LP_NUM_THREADS=str(a.lavapipe_threads), OMP_NUM_THREADS=threads, RAYON_NUM_THREADS=threads)
    env.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())  # lavapipe complains without
    return env


class Absent(Exception):
    """A peer cannot take part; the message says why."""


def peer(a, name, scratch):
    """Run one turn of a peer; raises Absent."""
    env, remedy = environment(a), PEERS[name][1]
    if name in IN_RUST:
        program = [a.rust_bin / f"peer-{name}"]
        if not program[0].exists():
            raise Absent(f"{program[0]} is missing: {remedy}")
    else:
        program = [a.webgpu_python if name == "ort_webgpu" else sys.executable, HERE / "python_peers.py", name]
    if name == "ort_webgpu" and a.lavapipe_shim:
        driver = scratch / "lavapipe_shim.json"
        if not (a.rust_bin / SHIM).exists():
            raise Absent(f"{a.rust_bin / SHIM} is missing: {CARGO}lavapipe-shim")
        icd = {"library_path": str((a.rust_bin / SHIM).resolve()), "api_version": "1.1.0"}
        driver.write_text(json.dumps({"file_format_version": "1.0.0", "ICD": icd}))
        env["VK_ICD_FILENAMES"] = str(driver)
    case = [a.models.resolve(), a.arch, a.batch, a.runs, a.budget, a.threads, time.time()]
    try:
        done = subprocess.run([str(word) for word in program + case], capture_output=True, text=True, env=env,
                              timeout=a.timeout)
    except subprocess.TimeoutExpired:
        raise Absent(f"no answer within {a.timeout} s (--timeout)") from None
    except OSError as error:
        raise Absent(f"{error}: {remedy}") from None
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if lines:  # even if the process failed afterwards, as some runtimes do on exit
        return json.loads(lines[-1])
    said = done.stderr.strip().splitlines() or [f"ended with {done.returncode} and said nothing"]
    why = next((line for line in said if line.startswith(("not installed", "Error", "wrong logits"))), said[-1])
    if "not installed" in why:
        why += f"; {remedy}"
    if "Failed to get a WebGPU adapter" in done.stderr:
        why = f"Dawn accepts none of the adapters here; for an old lavapipe: {CARGO}lavapipe-shim, then --lavapipe-shim"
    raise Absent(why)


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bench", type=pathlib.Path, required=True, help="densenet-bench of a release build; densenet is beside it")
    p.add_argument("--bench-args", default="", help="more arguments for `densenet`, such as '--adapter llvmpipe --kernels buffer'")
    p.add_argument("--models", type=pathlib.Path, required=True,
                   help="folder for the models, which are made if it has none; nothing in it is overwritten")
    p.add_argument("--arch", default="densenet121", help="one of torchvision's DenseNets")
    p.add_argument("--batch", type=int, default=1, help=f"images in a run, at most {IMAGES}")
    p.add_argument("--ours", default="densenet", help=f"which of ours to time, of {', '.join(ours.NAMES)} (default: %(default)s, "
                   "what is chosen or --bench-args names); 'ours / theirs' is about the first")
    p.add_argument("--peers", default=",".join(PEERS), help="which peers to time; 'cpu' for all on the CPU (default: %(default)s)")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--runs", type=int, default=8, help="timed runs per turn")
    p.add_argument("--budget", type=float, default=5, help="seconds of timed runs per turn, for slow peers (at least 2 runs)")
    p.add_argument("--threads", type=int, default=2, help="threads for CPU runtimes and for lavapipe")
    p.add_argument("--lavapipe-threads", type=int, help="threads for everything on lavapipe, instead of --threads")
    p.add_argument("--timeout", type=float, default=600, help="seconds that a turn of a peer may take")
    built = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", RUST / "target")) / "release"
    p.add_argument("--rust-bin", type=pathlib.Path, default=built, help="folder of the Rust peers' binaries")
    p.add_argument("--webgpu-python", default=sys.executable, help="interpreter with onnxruntime-webgpu")
    p.add_argument("--lavapipe-shim", action="store_true", help="run Dawn over an old lavapipe, see README.md")
    p.add_argument("--json", type=pathlib.Path, help="write every turn and the summary here")
    p.add_argument("--add", action="store_true", help="add this call's rounds to those in --json")
    p.add_argument("--markdown", type=pathlib.Path, help="write the table here")
    a = p.parse_args()
    a.names = ON_CPU if a.peers == "cpu" else [name for name in a.peers.split(",") if name]
    a.ours = [name for name in a.ours.split(",") if name]
    for kind, names, known in (("peer", a.names, PEERS), ("runtime of ours", a.ours, ours.NAMES)):
        unknown = [name for name in names if name not in known]
        if unknown:
            p.error(f"no such {kind}: {', '.join(unknown)}; there are {', '.join(known)}")
    if not a.ours:
        p.error("--ours names nothing")
    if not 1 <= a.batch <= IMAGES:
        p.error(f"--batch takes 1 to {IMAGES}")
    a.lavapipe_threads = a.lavapipe_threads or a.threads
    if a.add and not a.json:
        p.error("--add needs --json")
    if a.json and a.json.exists() and not a.add:
        p.error(f"{a.json} exists: --add appends to its rounds, or name another file")
    return a


def main():
    a = arguments()
    make_models(a.models, a.arch)
    before = json.loads(a.json.read_text()) if a.add and a.json.exists() else None
    rounds, left_out = before["rounds"] if before else [], {}
    about = {"arch": a.arch, "batch": a.batch, "ours": a.ours, "bench_args": a.bench_args, "threads": a.threads,
             "lavapipe_threads": a.lavapipe_threads, "machine": machine()}
    if before and any(before.get(key) != value for key, value in about.items()):
        sys.exit(f"--add: {a.json} has other rounds than these: {({k: before.get(k) for k in about})}, not {about}")
    checked = {name: ours.check(a, name, environment(a)) for name in a.ours}
    titles = dict.fromkeys(ours.NAMES) | {name: how for name, (how, _) in PEERS.items()}
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(a.rounds):
            turn = {"load": os.getloadavg()[0]}
            # Nobody always comes after the same neighbour.
            shift = number % max(len(a.names), 1)
            for name in a.ours + a.names[shift:] + a.names[:shift]:
                if name in a.ours:
                    titles[name], turn[name] = ours.turn(a, name, environment(a))
                elif name not in left_out:
                    try:
                        turn[name] = peer(a, name, pathlib.Path(scratch))
                    except Absent as why:
                        left_out[name] = str(why)
                        print(f"{name} is left out: {why}", file=sys.stderr)
            rounds.append(turn)
            times = [f"{name} {turn[name]['median_ms']:.1f} ms" for name in a.ours + a.names if name in turn]
            print(f"round {number + 1}:", ", ".join(times), file=sys.stderr)
            summary = summarise(rounds, about, titles, left_out, checked)
            if a.json:  # after every round, so that an interrupted series is not lost
                a.json.write_text(json.dumps(summary, indent=1) + "\n")
    print(table(summary))
    if a.markdown:
        a.markdown.write_text(table(summary) + "\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Time densenet-bench and other runtimes in turn, on one machine, at one priority.

    python compare_peers.py --bench target/release/densenet-bench --models DIR [--arch densenet121]
                            [--peers ncnn_vulkan,ort_cpu,burn,...] [--rounds 5] [--runs 8] [--json F.json [--add]]
                            [--markdown F.md]

Each round times ours, then every peer, each in a process of its own: the median of --runs runs after 3 warm-ups. --budget
limits the seconds that this may take; at least 2 runs are timed. The report gives the median, over the rounds, of the ratios
within a round, because single times mean little on a shared machine. --add appends this call's rounds to those in --json, so
that a long series can be taken in pieces; ratios never cross a round.

The first call exports torchvision's network (random weights, randomised batch norm statistics) to DIR and overwrites nothing
there: if DIR already has files of the network's name, it stops. Every runtime's logits are compared with PyTorch's before
anything is timed. A peer that is missing is left out, and the script says how to install it. README.md beside this file lists
what each peer needs.
"""
import argparse, json, os, pathlib, statistics, subprocess, sys, tempfile, time

WARMUP, SIZE = 3, 224
HERE = pathlib.Path(__file__).resolve().parent
RUST = HERE / "rust"
SHIM = "liblavapipe_shim.so"

# For each peer: how the table describes it, and how to install it.
PIP = f"pip install -r {HERE / 'requirements.txt'}"
CARGO = f"cargo build --release --manifest-path {RUST / 'Cargo.toml'} -p "
PEERS = {
    "ncnn_vulkan": ("Vulkan, f32", PIP),
    "ncnn_cpu": ("CPU, f32", PIP),
    "ort_cpu": ("CPU", PIP),
    "torch_cpu": ("CPU, eager", PIP),
    "ort_webgpu": ("WebGPU (Dawn)", f"python -m venv V && V/bin/pip install -r {HERE / 'requirements-webgpu.txt'}, an "
                   "environment of its own since its module has the same name; then --webgpu-python V/bin/python"),
    "burn": ("wgpu, fusion and autotuning", CARGO + "peer-burn"),
    "tract": ("CPU", CARGO + "peer-tract"),
    "rten": ("CPU", CARGO + "peer-rten"),
}
IN_RUST = {"burn", "tract", "rten"}


def make_models(folder, arch):
    """Make the network's files in a folder, unless an earlier call has. Files of others are never touched."""
    if (folder / f"{arch}.logits.npy").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    others = sorted(path.name for path in folder.glob(f"{arch}[._]*"))
    if others:
        sys.exit(f"{folder} has {', '.join(others)} but no {arch}.logits.npy, so this script did not make them and will not "
                 "overwrite them: name another folder with --models")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        export(pathlib.Path(scratch), arch)
        # The logits last: they mean that all the files are there.
        for path in sorted(pathlib.Path(scratch).iterdir(), key=lambda path: path.name.endswith(".logits.npy")):
            path.rename(folder / path.name)


def export(folder, arch):
    """Write ONNX, safetensors and ncnn files, an input and PyTorch's logits."""
    import numpy as np, torch, torchvision
    from safetensors.torch import save_file
    torch.manual_seed(0)
    model = getattr(torchvision.models, arch)(weights=None).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.1)
    x = torch.randn(1, 3, SIZE, SIZE)
    with torch.no_grad():
        y = model(x)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / f"{arch}.safetensors")
    torch.onnx.export(model, (x,), folder / f"{arch}.onnx", dynamo=False, opset_version=17,
                      input_names=["input"], output_names=["logits"])
    pnnx = pathlib.Path(sys.executable).with_name("pnnx")
    subprocess.run([pnnx, f"{arch}.onnx", f"inputshape=[1,3,{SIZE},{SIZE}]", "fp16=0"], cwd=folder, check=True,
                   stdout=subprocess.DEVNULL)
    np.save(folder / f"{arch}.input.npy", x.numpy())
    np.save(folder / f"{arch}.logits.npy", y.numpy())


def environment(a):
    """The environment of every process."""
    env = dict(os.environ, LP_NUM_THREADS=str(a.lavapipe_threads), OMP_NUM_THREADS=str(a.threads))
    env.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())  # lavapipe complains without
    return env


class Absent(Exception):
    """A peer cannot take part; the message says why."""


def ours(a):
    command = [a.bench, "--weights", str(a.models / f"{a.arch}.safetensors"), "--size", str(SIZE), "--runs", str(a.runs),
               "--warmup", str(WARMUP), "--json", *a.bench_args.split()]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(a))
    if done.returncode:
        sys.exit(f"{a.bench}: {done.stderr.strip()}")
    return json.loads(done.stdout[done.stdout.index("{"):])


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
    case = [a.models.resolve(), a.arch, a.runs, a.budget, a.threads, time.time()]
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


def summarise(rounds, left_out, about):
    """The rows of the table, from the turns of all rounds."""
    rows = []
    for name in PEERS:
        turns = [(r["ours"], r[name]) for r in rounds if name in r]
        if turns:
            ratios = [mine["median_ms"] / theirs["median_ms"] for mine, theirs in turns]
            theirs = [t for _, t in turns]
            rows.append({"peer": name, "version": theirs[-1]["version"], "how": PEERS[name][0], "rounds": len(turns),
                         "median_ms": statistics.median(t["median_ms"] for t in theirs),
                         "ours_ms": statistics.median(mine["median_ms"] for mine, _ in turns),
                         "ratio": statistics.median(ratios), "ratio_min": min(ratios), "ratio_max": max(ratios),
                         "first_ms": min(t["first_ms"] for t in theirs), "error": max(t["error"] for t in theirs)})
    mine = [r["ours"] for r in rounds]
    return {**about, "ours_ms": statistics.median(m["median_ms"] for m in mine),
            "ours_first_ms": min(m["first_ms"] for m in mine), "peers": rows, "left_out": left_out, "rounds": rounds}


def table(s):
    lines = [f"{s['arch']}, batch 1, {s['threads']} threads, lavapipe {s['lavapipe_threads']}, on {s['adapter']}:", "",
             "| runtime | median ms | ours / theirs, median (min to max) | rounds | first answer, best, ms |",
             "|---|---|---|---|---|",
             f"| **ours**, {s['kernels']} kernels | {s['ours_ms']:.1f} | | {len(s['rounds'])} | {s['ours_first_ms']:.0f} |"]
    lines += [f"| {r['version']}, {r['how']} | {r['median_ms']:.1f} | {r['ratio']:.3g} ({r['ratio_min']:.3g} to "
              f"{r['ratio_max']:.3g}) | {r['rounds']} | {r['first_ms']:.0f} |" for r in s["peers"]]
    lines += [""] * bool(s["left_out"]) + [f"{name} is left out: {why}" for name, why in s["left_out"].items()]
    return "\n".join(lines)


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bench", required=True, help="densenet-bench of a release build")
    p.add_argument("--bench-args", default="", help="more arguments for densenet-bench, such as '--kernels buffer'")
    p.add_argument("--models", type=pathlib.Path, required=True, help="folder for the models, which are made if it has none; nothing in it is overwritten")
    p.add_argument("--arch", default="densenet121", help="one of torchvision's DenseNets")
    p.add_argument("--peers", default=",".join(PEERS), help="which peers to time (default: %(default)s)")
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
    a.names = [name for name in a.peers.split(",") if name]
    unknown = [name for name in a.names if name not in PEERS]
    if unknown:
        p.error(f"no such peer: {', '.join(unknown)}; there are {', '.join(PEERS)}")
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
    rounds, names, left_out, about = before["rounds"] if before else [], list(a.names), {}, None
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(a.rounds):
            document = ours(a)
            about = {"arch": document["arch"], "adapter": document["adapter"]["name"], "kernels": document["kernels"],
                     "bench_args": a.bench_args, "threads": a.threads,
                     "lavapipe_threads": a.lavapipe_threads, "cores": os.cpu_count()}
            if before and any(before.get(key) != value for key, value in about.items()):
                sys.exit(f"--add: {a.json} has other rounds than these: {({k: before.get(k) for k in about})}, not {about}")
            turn = {"ours": document["results"][0], "load": os.getloadavg()[0]}
            for name in list(names):
                try:
                    turn[name] = peer(a, name, pathlib.Path(scratch))
                except Absent as why:
                    names.remove(name)
                    left_out[name] = str(why)
                    print(f"{name} is left out: {why}", file=sys.stderr)
            rounds.append(turn)
            print(f"round {number + 1}: ours {turn['ours']['median_ms']:.1f} ms,",
                  ", ".join(f"{name} {turn[name]['median_ms']:.1f} ms" for name in names), file=sys.stderr)
    summary = summarise(rounds, left_out, about)
    print(table(summary))
    if a.json:
        a.json.write_text(json.dumps(summary, indent=1) + "\n")
    if a.markdown:
        a.markdown.write_text(table(summary) + "\n")


if __name__ == "__main__":
    main()

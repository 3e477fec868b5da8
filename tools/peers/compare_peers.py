#!/usr/bin/env python3
"""Time densenet-bench and other runtimes in turn, on one machine, at one priority.

    python compare_peers.py --bench target/release/densenet-bench --models DIR [--arch densenet121]
                            [--peers ncnn_vulkan,ort_cpu] [--rounds 5] [--runs 8] [--json F.json] [--markdown F.md]

Each round times ours, then every peer, each in a process of its own: the median of --runs runs after 3 warm-ups. What is
reported is the median, over the rounds, of the ratios within a round: on a shared machine single times mean little.
The first call exports torchvision's network (random weights, randomised batch norm statistics) to DIR; every runtime's
logits are compared with PyTorch's before anything is timed. tools/peers/requirements.txt has the versions.
"""
import argparse, json, os, pathlib, statistics, subprocess, sys, time

WARMUP, SIZE = 3, 224


def make_models(folder, arch):
    """ONNX, safetensors and ncnn files, an input and PyTorch's logits."""
    if (folder / f"{arch}.logits.npy").exists():
        return
    import numpy as np, torch, torchvision
    from safetensors.torch import save_file
    folder.mkdir(parents=True, exist_ok=True)
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


def ncnn(folder, arch, vulkan):
    import ncnn, numpy as np
    net = ncnn.Net()
    net.opt.num_threads = 2
    net.opt.use_vulkan_compute = vulkan
    for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage", "use_bf16_packed"):
        if hasattr(net.opt, option):
            setattr(net.opt, option, False)  # f32, as ours
    net.load_param(str(folder / f"{arch}.ncnn.param"))
    net.load_model(str(folder / f"{arch}.ncnn.bin"))

    def run(x):
        extractor = net.create_extractor()
        extractor.input("in0", ncnn.Mat(x[0]))
        return np.array(extractor.extract("out0")[1])[None]
    return run


def ort_cpu(folder, arch):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = 2
    session = ort.InferenceSession(str(folder / f"{arch}.onnx"), options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(None, {"input": x})[0]


def torch_cpu(folder, arch):
    import torch, torchvision
    from safetensors.torch import load_file
    torch.set_num_threads(2)
    model = getattr(torchvision.models, arch)(weights=None)
    model.load_state_dict(load_file(folder / f"{arch}.safetensors"))
    model.eval()

    def run(x):
        with torch.inference_mode():
            return model(torch.from_numpy(x)).numpy()
    return run


PEERS = {
    "ncnn_vulkan": lambda folder, arch: ncnn(folder, arch, True),
    "ncnn_cpu": lambda folder, arch: ncnn(folder, arch, False),
    "ort_cpu": ort_cpu,
    "torch_cpu": torch_cpu,
}


def child(name, folder, arch, runs):
    """Runs in a process of its own: checks a peer's logits, then times it."""
    import numpy as np
    x, y = (np.load(folder / f"{arch}.{part}.npy") for part in ("input", "logits"))
    run = PEERS[name](folder, arch)
    error = float(np.abs(run(x) - y).max() / (y.max() - y.min()))
    assert error < 1e-4, f"{name} is wrong: {error} of the logit range"
    for _ in range(WARMUP):
        run(x)
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        run(x)
        times.append((time.perf_counter() - start) * 1e3)
    print(json.dumps({"median_ms": statistics.median(times), "min_ms": min(times)}))


def last_json(command):
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout[done.stdout.index("{"):])


def ours(a):
    document = last_json([a.bench, "--weights", str(a.models / f"{a.arch}.safetensors"), "--size", str(SIZE), "--runs",
                          str(a.runs), "--warmup", str(WARMUP), "--json", *a.bench_args.split()])
    return document["results"][0], document


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bench", required=True)
    p.add_argument("--bench-args", default="", help="passed on to densenet-bench, such as '--kernels buffer'")
    p.add_argument("--models", type=pathlib.Path, required=True)
    p.add_argument("--arch", default="densenet121")
    p.add_argument("--peers", default="ncnn_vulkan,ort_cpu")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--runs", type=int, default=8)
    p.add_argument("--json", type=pathlib.Path)
    p.add_argument("--markdown", type=pathlib.Path)
    p.add_argument("--child", help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.child:
        return child(a.child, a.models, a.arch, a.runs)
    make_models(a.models, a.arch)
    names = a.peers.split(",")
    mine, theirs, document = [], {name: [] for name in names}, None
    for number in range(a.rounds):
        result, document = ours(a)
        mine.append(result["median_ms"])
        for name in names:
            command = [sys.executable, __file__, "--child", name, "--bench", a.bench, "--models", str(a.models),
                       "--arch", a.arch, "--runs", str(a.runs)]
            theirs[name].append(last_json(command)["median_ms"])
        print(f"round {number + 1}: ours {mine[-1]:.1f} ms,", ", ".join(f"{n} {t[-1]:.1f} ms" for n, t in theirs.items()),
              file=sys.stderr)
    rows = []
    for name in names:
        ratios = [m / t for m, t in zip(mine, theirs[name])]
        rows.append({"peer": name, "median_ms": statistics.median(theirs[name]), "ratio": statistics.median(ratios),
                     "ratio_min": min(ratios), "ratio_max": max(ratios)})
    summary = {"arch": a.arch, "adapter": document["adapter"], "kernels": document["kernels"], "rounds": a.rounds,
               "ours_ms": statistics.median(mine), "cores": os.cpu_count(), "load": os.getloadavg()[0], "peers": rows}
    lines = [f"{a.arch}, batch 1, {document['kernels']} kernels on {document['adapter']['name']}: "
             f"{summary['ours_ms']:.1f} ms (median of {a.rounds} rounds)", "",
             "| runtime | median ms | ours / theirs, median (min to max) |", "|---|---|---|"]
    lines += [f"| {r['peer']} | {r['median_ms']:.1f} | {r['ratio']:.2f} ({r['ratio_min']:.2f} to {r['ratio_max']:.2f}) |"
              for r in rows]
    print("\n".join(lines))
    if a.json:
        a.json.write_text(json.dumps(summary, indent=1) + "\n")
    if a.markdown:
        a.markdown.write_text("\n".join(lines) + "\n")


main()

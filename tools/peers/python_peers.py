#!/usr/bin/env python3
"""One turn of a runtime that has a Python package, in a process of its own; compare_peers.py starts it.

    python_peers.py PEER MODELS ARCH RUNS BUDGET THREADS STARTED

Prints one line of JSON, as the Rust peers do: version, median_ms, min_ms, runs, first_ms (since STARTED, when the process was
started, in seconds since 1970) and error (the largest difference from PyTorch's logits, relative to their range). If the logits
are wrong, nothing is timed. BUDGET, in seconds, limits the warm-ups and timed runs of slow runtimes.
"""
import json, pathlib, statistics, sys, time

WARMUP, TOLERANCE = 3, 1e-3


def ncnn(folder, arch, threads, vulkan):
    import ncnn, numpy as np
    net = ncnn.Net()
    net.opt.num_threads = threads
    net.opt.use_vulkan_compute = vulkan
    for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage", "use_bf16_packed"):
        if hasattr(net.opt, option):
            setattr(net.opt, option, False)  # f32, like ours
    net.load_param(str(folder / f"{arch}.ncnn.param"))
    net.load_model(str(folder / f"{arch}.ncnn.bin"))

    def run(x):
        extractor = net.create_extractor()
        extractor.input("in0", ncnn.Mat(x[0]))
        return np.array(extractor.extract("out0")[1])[None]
    return run, f"ncnn {ncnn.__version__}"


def onnx_runtime(folder, arch, threads, provider):
    import onnxruntime as ort
    if provider not in ort.get_available_providers():
        raise ImportError(f"this onnxruntime has no {provider}")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    if provider != "CPUExecutionProvider":  # never silently on the CPU
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    session = ort.InferenceSession(str(folder / f"{arch}.onnx"), options, providers=[provider])
    session.disable_fallback()
    if session.get_providers()[0] != provider:
        raise RuntimeError(f"{provider} is not in use: {session.get_providers()}")
    return lambda x: session.run(None, {"input": x})[0], f"ONNX Runtime {ort.__version__}"


def torch_cpu(folder, arch, threads):
    import torch, torchvision
    from safetensors.torch import load_file
    torch.set_num_threads(threads)
    model = getattr(torchvision.models, arch)(weights=None)
    model.load_state_dict(load_file(folder / f"{arch}.safetensors"))
    model.eval()

    def run(x):
        with torch.inference_mode():
            return model(torch.from_numpy(x)).numpy()
    return run, f"PyTorch {torch.__version__}"


PEERS = {
    "ncnn_vulkan": lambda *case: ncnn(*case, True),
    "ncnn_cpu": lambda *case: ncnn(*case, False),
    "ort_cpu": lambda *case: onnx_runtime(*case, "CPUExecutionProvider"),
    "ort_webgpu": lambda *case: onnx_runtime(*case, "WebGpuExecutionProvider"),
    "torch_cpu": torch_cpu,
}


def main():
    name, folder, arch, runs, budget, threads, started = sys.argv[1:]
    folder, budget = pathlib.Path(folder), float(budget) * 1e3
    import numpy as np
    x, y = (np.load(folder / f"{arch}.{part}.npy") for part in ("input", "logits"))
    run, version = PEERS[name](folder, arch, int(threads))
    logits = run(x)
    first = (time.time() - float(started)) * 1e3
    error = float(np.abs(logits - y).max() / (y.max() - y.min()))
    if not error < TOLERANCE:  # also catches NaN
        sys.exit(f"wrong logits: {error} of their range away from PyTorch's")

    def timed():
        start = time.perf_counter()
        run(x)
        return (time.perf_counter() - start) * 1e3
    warm = []
    while len(warm) < WARMUP and sum(warm) <= budget / 2:
        warm.append(timed())
    times = [timed() for _ in range(max(2, min(int(runs), int(budget / warm[-1]))))]
    print(json.dumps({"version": version, "median_ms": statistics.median(times), "min_ms": min(times), "runs": len(times),
                      "first_ms": first, "error": error}), flush=True)


if __name__ == "__main__":
    try:
        main()
    except ImportError as error:
        sys.exit(f"not installed: {error}")

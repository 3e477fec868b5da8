#!/usr/bin/env python3
"""One turn of a runtime that has a Python package, in a process of its own; compare_peers.py starts it.

    python_peers.py PEER MODELS ARCH BATCH RUNS BUDGET THREADS STARTED

Prints one line of JSON, as the Rust peers do: version, median_ms, min_ms, runs, first_ms (since STARTED, when the process was
started, in seconds since 1970), peak_mb (of resident memory), busy (processors in use while it was timed) and error (the largest
difference from PyTorch's logits, relative to their range). If the logits are wrong, or more threads than THREADS were at work,
nothing is reported. BUDGET, in seconds, limits the warm-ups and timed runs of slow runtimes.
"""
import json, pathlib, re, statistics, sys, time

WARMUP, TOLERANCE = 3, 1e-3
# What a runtime's own housekeeping may add to its threads, as a part of one processor.
HOUSEKEEPING = 0.15


def ncnn(folder, arch, batch, threads, vulkan):
    import ncnn, numpy as np
    net = ncnn.Net()
    net.opt.num_threads = threads
    net.opt.use_vulkan_compute = vulkan
    for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage", "use_bf16_packed"):
        if hasattr(net.opt, option):
            setattr(net.opt, option, False)  # f32, like ours
    net.load_param(str(folder / f"{arch}.ncnn.param"))
    net.load_model(str(folder / f"{arch}.ncnn.bin"))

    def one(image):
        extractor = net.create_extractor()
        extractor.input("in0", ncnn.Mat(image))
        return np.array(extractor.extract("out0")[1])
    return lambda x: np.stack([one(image) for image in x]), f"ncnn {ncnn.__version__}"


def onnx_runtime(folder, arch, batch, threads, provider):
    import onnxruntime as ort
    if provider not in ort.get_available_providers():
        raise ImportError(f"this onnxruntime has no {provider}")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_free_dimension_override_by_name("batch", batch)  # all shapes are known when it optimises
    if provider != "CPUExecutionProvider":  # never silently on the CPU
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    session = ort.InferenceSession(str(folder / f"{arch}.onnx"), options, providers=[provider])
    session.disable_fallback()
    if session.get_providers()[0] != provider:
        raise RuntimeError(f"{provider} is not in use: {session.get_providers()}")
    return lambda x: session.run(None, {"input": x})[0], f"ONNX Runtime {ort.__version__}"


def openvino(folder, arch, batch, threads):
    import openvino
    core = openvino.Core()
    model = core.read_model(folder / f"{arch}.onnx")
    model.reshape([batch, 3, 224, 224])
    hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    compiled = core.compile_model(model, "CPU", hints)
    if compiled.get_property("INFERENCE_NUM_THREADS") != threads:
        raise RuntimeError(f"OpenVINO takes {compiled.get_property('INFERENCE_NUM_THREADS')} threads in place of {threads}")
    request = compiled.create_infer_request()
    return lambda x: request.infer([x])[0], f"OpenVINO {openvino.__version__.split('-')[0]}"


def torch_cpu(folder, arch, batch, threads):
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
    "openvino": openvino,
    "torch_cpu": torch_cpu,
}

# Those whose threads are counted; the driver of a software adapter has threads of its own.
ON_CPU = {"ncnn_cpu", "ort_cpu", "openvino", "torch_cpu"}


def main():
    name, folder, arch, batch, runs, budget, threads, started = sys.argv[1:]
    folder, batch, budget, threads = pathlib.Path(folder), int(batch), float(budget) * 1e3, int(threads)
    import numpy as np
    x, y = (np.load(folder / f"{arch}.{part}.npy")[:batch] for part in ("input", "logits"))
    run, version = PEERS[name](folder, arch, batch, threads)
    logits = run(x)
    first = (time.time() - float(started)) * 1e3
    if logits.shape != y.shape:
        sys.exit(f"wrong logits: {logits.shape} in place of {y.shape}")
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
    used, start = time.process_time(), time.perf_counter()
    times = [timed() for _ in range(max(2, min(int(runs), int(budget / warm[-1]))))]
    busy = (time.process_time() - used) / (time.perf_counter() - start)
    if name in ON_CPU and busy > threads + HOUSEKEEPING:
        sys.exit(f"Error: it kept {busy:.2f} processors busy where {threads} threads were asked for")
    print(json.dumps({"version": version, "median_ms": statistics.median(times), "min_ms": min(times), "runs": len(times),
                      "first_ms": first, "peak_mb": peak_mb(), "busy": busy, "error": error}), flush=True)


def peak_mb():
    """The most memory that was resident, in megabytes; None where there is no /proc."""
    status = pathlib.Path("/proc/self/status")
    # Not getrusage: its maximum includes the process that started this one.
    return int(re.search(r"VmHWM:\s*(\d+) kB", status.read_text())[1]) * 1024 / 1e6 if status.exists() else None


if __name__ == "__main__":
    try:
        main()
    except ImportError as error:
        sys.exit(f"not installed: {error}")

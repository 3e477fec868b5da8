"""ONNX Runtime on a card."""
import numpy as np
import onnxruntime as ort

PROVIDERS = {"cuda": "CUDAExecutionProvider", "cpu": "CPUExecutionProvider"}


def loader(path, device):
    """For peers.py: from a batch size, whether TF32 is on, and an input to what runs, and the version."""
    provider = PROVIDERS[device]
    if provider not in ort.get_available_providers():
        raise ImportError(f"onnxruntime {ort.__version__} has no {provider}: onnxruntime-gpu")
    if device == "cuda":
        ort.preload_dlls()  # CUDA's libraries from pip's packages

    def load(batch, tf32, x):
        options = ort.SessionOptions()
        options.log_severity_level = 3
        options.add_free_dimension_override_by_name("batch", batch)  # all shapes are known when it optimises
        settings = {}
        if device == "cuda":
            settings = {"use_tf32": str(int(tf32)), "cudnn_conv_algo_search": "EXHAUSTIVE"}
            options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        session = ort.InferenceSession(str(path), options, providers=[(provider, settings)])
        session.disable_fallback()
        if session.get_providers()[0] != provider:
            raise RuntimeError(f"{provider} is not in use: {session.get_providers()}")
        binding = session.io_binding()
        binding.bind_ortvalue_input("input", ort.OrtValue.ortvalue_from_numpy(x, device, 0))
        binding.bind_output("logits", device)

        def device_alone():
            session.run_with_iobinding(binding)
            binding.synchronize_outputs()
        return lambda x: session.run(None, {"input": np.ascontiguousarray(x)})[0], device_alone, f"ONNX Runtime {ort.__version__}"
    return load

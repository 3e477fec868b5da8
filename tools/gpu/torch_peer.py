"""PyTorch on a card, in the ways that people run it."""
import torch, torchvision
from safetensors.torch import load_file


def loader(name, models, arch, device):
    """For peers.py: from a batch size, whether TF32 is on, and an input to what runs, and the version."""
    if device == "cuda" and not torch.cuda.is_available():
        raise ImportError(f"PyTorch {torch.__version__} finds no CUDA device")
    if name == "torch_graph" and device != "cuda":
        raise ImportError("CUDA graphs need a CUDA device")
    model = getattr(torchvision.models, arch)(weights=None)
    model.load_state_dict(load_file(models / f"{arch}.safetensors"))
    layout = torch.contiguous_format if name == "torch_eager" else torch.channels_last
    model = model.eval().to(device).to(memory_format=layout)
    # Its sizes never change, so it may try cuDNN's algorithms and take the fastest.
    torch.backends.cudnn.benchmark = True

    def on_device(x):
        return torch.from_numpy(x).to(device).to(memory_format=layout)

    def load(batch, tf32, x):
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
        with torch.no_grad():
            resident = on_device(x)
            forward = model
            if name == "torch_compile":
                torch._dynamo.reset()  # each size and precision by itself
                forward = torch.compile(model, mode="reduce-overhead", dynamic=False)
            elif name == "torch_graph":
                forward = graph_of(model, resident)

        def whole(x):
            with torch.no_grad():
                return forward(on_device(x)).cpu().numpy()

        def device_alone():
            with torch.no_grad():
                forward(resident)
            if device == "cuda":
                torch.cuda.synchronize()
        return whole, device_alone, f"PyTorch {torch.__version__}"
    return load


def graph_of(model, example):
    """The model as one CUDA graph, which reads a tensor of its own."""
    held = example.clone()
    # Libraries allocate and choose algorithms in the first runs, which a graph must not record.
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            model(held)
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        logits = model(held)

    def forward(x):
        held.copy_(x)
        graph.replay()
        return logits
    return forward

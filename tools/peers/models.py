"""The networks that compare_peers.py times: their files for every runtime, an input and PyTorch's logits."""
import os, pathlib, shutil, subprocess, sys, tempfile

SIZE = 224
# Images of the input; a batch is its first ones.
IMAGES = 8


def find_pnnx():
    """The converter to ncnn's files: beside the interpreter, else on the path; None where there is none."""
    return shutil.which("pnnx", path=os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ.get("PATH", "")]))


def make_models(folder, arch, with_ncnn=True):
    """Make the network's files in a folder, unless an earlier call has. Files of others are never touched."""
    if (folder / f"{arch}.logits.npy").exists():
        import numpy as np
        images = len(np.load(folder / f"{arch}.logits.npy", mmap_mode="r"))
        if images < IMAGES:
            sys.exit(f"{folder} has {arch} of an earlier version of this script, for {images} image: name another folder with "
                     "--models")
        return
    folder.mkdir(parents=True, exist_ok=True)
    others = sorted(path.name for path in folder.glob(f"{arch}[._]*"))
    if others:
        sys.exit(f"{folder} has {', '.join(others)} but no {arch}.logits.npy, so this script did not make them and will not "
                 "overwrite them: name another folder with --models")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        export(pathlib.Path(scratch), arch)
        if with_ncnn:
            export_ncnn(pathlib.Path(scratch), arch)
        # The logits last: they mean that all the files are there.
        for path in sorted(pathlib.Path(scratch).iterdir(), key=lambda path: path.name.endswith(".logits.npy")):
            path.rename(folder / path.name)


def export(folder, arch):
    """Write ONNX and safetensors files, an input and PyTorch's logits."""
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
    x = torch.randn(IMAGES, 3, SIZE, SIZE)
    with torch.no_grad():
        # One by one, so that a runtime that mixes images up is found out.
        y = torch.cat([model(image[None]) for image in x])
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / f"{arch}.safetensors")
    torch.onnx.export(model, (x[:1],), folder / f"{arch}.onnx", dynamo=False, opset_version=17, input_names=["input"],
                      output_names=["logits"], dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}})
    np.save(folder / f"{arch}.input.npy", x.numpy())
    np.save(folder / f"{arch}.logits.npy", y.numpy())


def export_ncnn(folder, arch):
    """Write ncnn's files beside the ONNX file that they are made from."""
    subprocess.run([find_pnnx() or "pnnx", f"{arch}.onnx", f"inputshape=[1,3,{SIZE},{SIZE}]", "fp16=0"], cwd=folder, check=True,
                   stdout=subprocess.DEVNULL)

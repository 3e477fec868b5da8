"""Writes torch-heads.zip and torch-heads.json: a small torchvision DenseNet with the heads that people put behind it, as
PyTorch's files keep them, with logits and class maps in float64.

A file of parameters has no layers without any: its case says in `reading` whether the file can be read alone, and in `head`
what it is.
"""

import copy
import io
import pathlib
import tempfile
import zipfile
from collections import OrderedDict

import torch
from safetensors.torch import save as safetensors
from torch import nn
from torch.nn import functional as F
from torchvision.models import DenseNet

import prng
from heads import ASSUMED, OTHER, PART, REFUSED, STATED, archive, described, pixels, rounded, seeded_hashes
from make_torch_files import saved

# torch.save calls the folder in its archive as the file. With 21 letters, the archive's directory is found one entry too late
# by those who overlook that its size is given twice.
LONG_NAME = "densenet121-epoch-012.pth"
WIDTH, SIDE, HIDDEN = 14, 4, 6
CONFIG = {"growth_rate": 4, "block_config": (1, 2), "num_init_features": 8, "bn_size": 2, "num_classes": 3}


def densenet(classifier=None, **options):
    network = DenseNet(**CONFIG | options)
    if classifier is not None:
        network.classifier = classifier
    return network


def features(**options):
    return densenet(**options).features


class Parts(nn.Module):
    """Modules by name, and what `forward` makes of them."""

    def __init__(self, run, **parts):
        super().__init__()
        self.run = run
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x):
        return self.run(self, x)


class ConcatPool(nn.Module):
    """fastai's: the maximum first."""

    def forward(self, x):
        return torch.cat([x.amax((2, 3), keepdim=True), x.mean((2, 3), keepdim=True)], 1)


def fill(model, seed):
    """Seeded weights by their names; running variances of 1e-4 to 1e-3 in the trunk, of 0.5 to 1.5 in the head."""
    state = model.state_dict()
    for key, value in state.items():
        if value.is_floating_point():
            trunk = any(part in key for part in ("conv0", "norm0", "dense", "transition", "norm5"))
            numbers = prng.parameter(seed, key, tuple(value.shape), "small" if trunk else "ordinary")
            # Features of about 1, where GELU is no ReLU.
            state[key] = torch.from_numpy(rounded(numbers / 16 if key.endswith("norm5.weight") else numbers))
    model.load_state_dict(state)
    return model.eval()


def pooled(trunk, x):
    return F.relu(trunk(x)).mean((2, 3))


def linear(inputs=WIDTH, outputs=3, **options):
    return nn.Linear(inputs, outputs, **options)


def first():
    return linear(outputs=HIDDEN)


def last(outputs=3):
    return linear(HIDDEN, outputs)


def fastai(*layers):
    return nn.Sequential(
        nn.Sequential(features()),
        nn.Sequential(ConcatPool(), nn.Flatten(), nn.BatchNorm1d(2 * WIDTH), nn.Dropout(0.25), *layers),
    )


def two_outputs(run, **parts):
    return Parts(run, **parts)


def encoder():
    """Names as segmentation_models_pytorch has them; the decoder is never run."""
    decoder = nn.Sequential(nn.Conv2d(WIDTH, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4))
    part = Parts(lambda n, x: pooled(n.encoder.features, x), encoder=densenet(nn.Identity()), decoder=decoder)
    part.add_module("segmentation_head", nn.Sequential(nn.Conv2d(4, 2, 3, padding=1)))
    return part


def detector():
    """Names as torchvision's `BackboneWithFPN` inside of a detector has them."""
    backbone = nn.ModuleDict({"body": features(), "fpn": nn.Conv2d(WIDTH, 4, 1)})
    head = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 8, 1))
    return Parts(lambda n, x: pooled(n.backbone["body"], x), backbone=backbone, rpn=head)


def cam(trunk, head, x):
    """[batch, classes, height, width]: each channel of what is pooled, weighed by the sum over positions of the class'
    gradient there. With average pooling that is the gradient at the pooled feature."""
    maps = trunk(x).detach().requires_grad_()
    logits = head(maps)
    weights = [
        torch.autograd.grad(logits[:, k].sum(), maps, retain_graph=True)[0].sum((2, 3), keepdim=True)
        for k in range(logits.shape[1])
    ]
    return torch.stack([(weight * maps).sum(1) for weight in weights], 1).detach().numpy()


def classifier_parts(m):
    return (lambda x: F.relu(m.features(x))), (lambda maps: m.classifier(maps.mean((2, 3))))


def networks():
    """File, network, head, reading, and how the network splits into trunk and head where its class maps are kept."""
    sequential = nn.Sequential
    mlp = lambda *between: densenet(sequential(first(), *between, last()))
    dense = "relu, avg, linear 6, relu, linear 3"
    yield LONG_NAME, densenet(), "relu, avg, linear 3", STATED, classifier_parts
    yield "mlp.pth", mlp(nn.ReLU(), nn.Dropout()), dense, ASSUMED, classifier_parts
    deeper = sequential(linear(outputs=11), nn.ReLU(), linear(11, HIDDEN), nn.ReLU(), last())
    yield "deeper.pth", densenet(deeper), "relu, avg, linear 11, relu, linear 6, relu, linear 3", ASSUMED, None
    normed = sequential(linear(outputs=HIDDEN, bias=False), nn.BatchNorm1d(HIDDEN), nn.ReLU(), nn.Dropout(), last())
    yield "normed.pth", densenet(normed), "relu, avg, linear 6, batch_norm 1e-5, relu, linear 3", ASSUMED, None
    yield "norm-first.pth", densenet(
        sequential(nn.BatchNorm1d(WIDTH), linear())
    ), "relu, avg, batch_norm 1e-5, linear 3", STATED, None
    yield "only-dropout.pth", mlp(nn.Dropout()), "relu, avg, linear 6, linear 3", OTHER, None
    yield "gelu.pth", mlp(nn.GELU(), nn.Dropout()), "relu, avg, linear 6, gelu, linear 3", OTHER, None
    yield "leaky.pth", mlp(nn.LeakyReLU(0.2)), "relu, avg, linear 6, leaky_relu 0.2, linear 3", OTHER, None
    yield "linears.pth", mlp(), "relu, avg, linear 6, linear 3", STATED, None
    yield "no-bias.pth", densenet(linear(bias=False)), "relu, avg, linear 3", STATED, None
    named = OrderedDict(fc1=first(), relu=nn.ReLU(), fc2=last())
    yield "named.pth", densenet(sequential(named)), dense, ASSUMED, None
    run = lambda n, x: n.fc2(F.relu(n.fc1(n.densenet(x))))
    yield "functional.pth", Parts(run, densenet=densenet(nn.Identity()), fc1=first(), fc2=last()), dense, ASSUMED, None
    run = lambda n, x: n.head(n.backbone(x))
    head = sequential(nn.Dropout(), first(), nn.ReLU(), nn.Dropout(), last())
    yield "backbone.pth", Parts(run, backbone=densenet(nn.Identity()), head=head), dense, ASSUMED, None
    run = lambda n, x: n.fc(pooled(n.backbone.features, x))
    yield "unused.pth", Parts(
        run, backbone=densenet(linear(outputs=5)), fc=linear()
    ), "relu, avg, linear 3", ASSUMED, None
    run = lambda n, x: (lambda f: {"age": n.age(f), "sex": n.sex(f)})(n.backbone(x))
    two = "relu, avg; age: linear 1; sex: linear 2"
    yield "two.pth", Parts(
        run, backbone=densenet(nn.Identity()), age=linear(outputs=1), sex=linear(outputs=2)
    ), two, ASSUMED, None
    run = lambda n, x: (lambda f: {"age": n.age(f), "sex": n.sex(f)})(F.relu(n.shared(n.backbone(x))))
    two = "relu, avg, linear 6, relu; age: linear 1; sex: linear 2"
    yield "two-shared.pth", Parts(
        run, backbone=densenet(nn.Identity()), shared=first(), age=last(1), sex=last(2)
    ), two, ASSUMED, None
    whole = fastai(
        linear(2 * WIDTH, HIDDEN, bias=False),
        nn.ReLU(),
        nn.BatchNorm1d(HIDDEN),
        nn.Dropout(),
        linear(HIDDEN, bias=False),
    )
    text = "max+avg, batch_norm 1e-5, linear 6, relu, batch_norm 1e-5, linear 3"
    yield "fastai.pth", whole, text, ASSUMED, lambda m: (m[0], m[1])
    yield "fastai-short.pth", fastai(linear(2 * WIDTH, bias=False)), "max+avg, batch_norm 1e-5, linear 3", ASSUMED, None
    flat = lambda *layers: sequential(features(), *layers)
    halves = lambda at: lambda m: (m[:at], m[at:])
    yield "no-relu.pth", flat(nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear()), "avg, linear 3", ASSUMED, None
    yield "relu.pth", flat(
        nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear()
    ), "relu, avg, linear 3", ASSUMED, None
    yield "maximum.pth", flat(
        nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), linear()
    ), "relu, max, linear 3", OTHER, halves(2)
    yield "both-pools.pth", flat(
        nn.ReLU(), ConcatPool(), nn.Flatten(), linear(2 * WIDTH)
    ), "relu, max+avg, linear 3", REFUSED, None
    yield "flatten.pth", flat(
        nn.ReLU(), nn.Flatten(), linear(WIDTH * SIDE * SIDE)
    ), f"relu, flatten {SIDE}x{SIDE}, linear 3", ASSUMED, halves(2)
    yield "encoder.pth", encoder(), "relu, avg", PART, None
    yield "detector.pth", detector(), "relu, avg", PART, None
    yield "lightning.ckpt", mlp(nn.ReLU()), dense, ASSUMED, None
    yield "mlp.safetensors", mlp(nn.ReLU()), dense, ASSUMED, None
    yield "gelu-module.pt", mlp(nn.GELU()), "relu, avg, linear 6, gelu, linear 3", STATED, None
    yield "script.pt", mlp(nn.ReLU()), dense, STATED, None


def content(file, model):
    """The bytes of the file, as those who use it save it."""
    state = OrderedDict(model.state_dict())
    match file:
        case _ if file == LONG_NAME:
            with tempfile.TemporaryDirectory() as folder:
                torch.save(state, pathlib.Path(folder) / file)
                return (pathlib.Path(folder) / file).read_bytes()
        case "fastai.pth":
            return saved({"model": state, "opt": {"hypers": [], "state": []}})
        case "lightning.ckpt":
            inside = OrderedDict((f"model.{key}", value) for key, value in state.items()) | {
                "loss_fn.pos_weight": torch.ones(3)
            }
            return saved(
                {
                    "epoch": 3,
                    "pytorch-lightning_version": "2.5.0",
                    "state_dict": inside,
                    "hyper_parameters": {"lr": 0.001},
                }
            )
        case "mlp.safetensors":
            return safetensors({key: value.contiguous() for key, value in state.items()}, {"format": "pt"})
        case "gelu-module.pt":
            return saved(model)
        case "script.pt":
            buffer = io.BytesIO()
            torch.jit.save(torch.jit.script(model), buffer)
            return without_debugging(buffer.getvalue())
    return saved(state)


def without_debugging(archive):
    """Without what tells where in its author's sources each line of a script stood, and a number that is drawn."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(result, "w") as new:
        for name in old.namelist():
            if not name.endswith((".debug_pkl", "serialization_id")):
                new.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), old.read(name))
    return result.getvalue()


def main():
    seeded_hashes()
    torch.set_num_threads(2)
    files, cases = {}, []
    for seed, (file, model, head, reading, split) in enumerate(networks(), 700):
        fill(model, seed)
        files[file] = content(file, model)
        x, more = pixels(seed)
        x, double = torch.from_numpy(x).double(), copy.deepcopy(model).double()
        with torch.inference_mode():
            logits = double(x)
        if split:
            more["cam"] = cam(*split(double), x)
        cases.append(described(file, logits, seed, head, reading, **more))
    archive("torch-heads", files, cases)


if __name__ == "__main__":
    main()

"""Writes onnx-heads.zip and onnx-heads.json: a small torchvision DenseNet with heads and preprocessing, as both of
torch.onnx's exporters, onnxsim and onnxconverter-common write it, with PyTorch's logits in float64. onnxruntime has to agree.

Two files have no case, since they are refused: `residual.onnx`, which is no DenseNet, and `attention.onnx`, with a layer in
its middle that a DenseNet has not.
"""

import copy
import logging
import pathlib
import tempfile

import numpy as np
import onnx
import onnxruntime
import onnxsim
import torch
from onnxconverter_common import float16
from torch import nn
from torch.nn import functional as F

from heads import SIZE, STATED, archive, columns, described, pixels
from make_torch_heads import (
    HIDDEN,
    SIDE,
    WIDTH,
    ConcatPool,
    Parts,
    densenet,
    features,
    fill,
    first,
    last,
    linear,
    pooled,
)

OUT = pathlib.Path(tempfile.mkdtemp())
# Inputs of -2 to 2 become those of 0 to 255.
BYTES = {"scale": 63.75, "offset": 127.5}
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def old(path, model, x, **options):
    torch.onnx.export(model, (x,), path, **{"dynamo": False, "opset_version": 13, "input_names": ["input"]} | options)


def old_batch(path, model, x, **options):
    old(path, model, x, dynamic_axes={"input": {0: "n"}}, **options)


def with_norms(path, model, x):
    """Norms behind convolutions too, which the exporter otherwise folds into these."""
    old(path, model, x, opset_version=11, do_constant_folding=False, training=torch.onnx.TrainingMode.PRESERVE)


def new(path, model, x, **options):
    defaults = {"dynamo": True, "opset_version": 18, "input_names": ["input"], "external_data": False, "verbose": False}
    torch.onnx.export(model, (x,), path, **defaults | options)


def new_batch(path, model, x):
    new(path, model, x, opset_version=20, dynamic_shapes=({0: torch.export.Dim("n")},))


def half(path, model, x):
    with_norms(path, model, x)
    onnx.save(float16.convert_float_to_float16(onnx.load(path)), path)


def simplified(path, model, x):
    with_norms(path, model, x)
    graph, same = onnxsim.simplify(onnx.load(path))
    assert same
    onnx.save(graph, path)


def external(path, model, x):
    old(path, model, x)
    onnx.save(onnx.load(path), path, save_as_external_data=True, location=f"{path.name}.data", size_threshold=256)


def mlp(between, *behind):
    return densenet(nn.Sequential(first(), between, nn.Dropout(), last(), *behind))


def flat(*layers):
    return nn.Sequential(features(), *layers)


def in_front(change, network):
    return Parts(lambda n, x: n.network(change(x)), network=network)


def two():
    run = lambda n, x: (lambda f: {"age": n.age(f), "sex": n.sex(f)})(F.relu(n.shared(n.backbone(x))))
    return Parts(run, backbone=densenet(nn.Identity()), shared=first(), age=last(1), sex=last(2))


def nhwc(x):
    return (x.permute(0, 3, 1, 2) / 255 - MEAN.view(3, 1, 1)) / STD.view(3, 1, 1)


def fastai():
    head = nn.Sequential(
        ConcatPool(),
        nn.Flatten(),
        nn.BatchNorm1d(2 * WIDTH),
        linear(2 * WIDTH, HIDDEN, bias=False),
        nn.ReLU(),
        nn.BatchNorm1d(HIDDEN),
        linear(HIDDEN, bias=False),
    )
    return nn.Sequential(nn.Sequential(features()), head)


PLAIN, MLP = "relu, avg, linear 3", "relu, avg, linear 6, {}, linear 3"

# File, network, how it is written, head, and more of the case.
CASES = [
    ("old.onnx", densenet, old_batch, PLAIN, {}),
    ("old-norms.onnx", densenet, with_norms, PLAIN, {}),
    ("new.onnx", densenet, new, PLAIN, {}),
    ("new-batch.onnx", densenet, new_batch, PLAIN, {}),
    ("external.onnx", densenet, external, PLAIN, {}),
    ("half.onnx", densenet, half, PLAIN, {"half": True}),
    ("simplified.onnx", lambda: mlp(nn.ReLU()), simplified, MLP.format("relu"), {}),
    ("softmax.onnx", lambda: mlp(nn.ReLU(), nn.Softmax(1)), old, MLP.format("relu"), {"activation": "softmax"}),
    ("gelu.onnx", lambda: mlp(nn.GELU()), old, MLP.format("gelu"), {}),
    ("silu-new.onnx", lambda: mlp(nn.SiLU()), new, MLP.format("silu"), {}),
    (
        "two.onnx",
        two,
        lambda *a: old(*a, output_names=["age", "sex"]),
        "relu, avg, linear 6, relu; age: linear 1; sex: linear 2",
        {},
    ),
    ("no-relu.onnx", lambda: flat(nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear()), old, "avg, linear 3", {}),
    (
        "flatten-new.onnx",
        lambda: flat(nn.ReLU(), nn.Flatten(), linear(WIDTH * SIDE * SIDE)),
        new,
        f"relu, flatten {SIDE}x{SIDE}, linear 3",
        {},
    ),
    ("fastai.onnx", fastai, old, "max+avg, batch_norm 1e-5, linear 6, relu, batch_norm 1e-5, linear 3", {}),
    (
        "pixels.onnx",
        lambda: in_front(nhwc, densenet()),
        old,
        PLAIN,
        BYTES | {"layout": "nhwc", "transform": "(x / 255 - mean) / std"},
    ),
    (
        "grey.onnx",
        lambda: in_front(lambda x: x.repeat(1, 3, 1, 1), densenet()),
        old,
        PLAIN,
        {"channels": 1, "transform": "three times"},
    ),
]


class Attention(nn.Module):
    """Squeeze and excite."""

    def __init__(self, channels):
        super().__init__()
        self.gate = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True)))


def attention():
    network = densenet()
    network.features.transition1.add_module("attention", Attention(6))
    return network


def residual():
    run = lambda n, x: n.fc((lambda y: F.relu(y + n.norm(n.conv(y))))(F.relu(n.stem(x))).mean((2, 3)))
    return Parts(
        run, stem=nn.Conv2d(3, 4, 7, 2, 3), conv=nn.Conv2d(4, 4, 3, padding=1), norm=nn.BatchNorm2d(4), fc=linear(4)
    )


def without_traces(path):
    """Without the lines of its author's sources that each node comes from."""
    graph = onnx.load(path, load_external_data=False)
    for item in [
        graph,
        graph.graph,
        *graph.graph.node,
        *graph.graph.value_info,
        *graph.graph.input,
        *graph.graph.output,
        *graph.graph.initializer,
    ]:
        item.doc_string = ""
        del item.metadata_props[:]
    path.write_bytes(graph.SerializeToString())


def agreed(path, x, logits, tolerance):
    """onnxruntime's outputs are these: of logits, those before the last softmax."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = x.astype(np.float16) if session.get_inputs()[0].type == "tensor(float16)" else x
    got = np.concatenate([np.float64(y) for y in session.run(None, {"input": x})], 1)
    assert abs(got - logits).max() < tolerance * np.ptp(logits), (path.name, got, logits)


def main():
    logging.disable(logging.WARNING)
    torch.set_num_threads(2)
    files, cases = {}, []
    for seed, (file, build, export, head, more) in enumerate(CASES, 900):
        model = fill(build(), seed)
        inputs = {key: more[key] for key in ("channels", "scale", "offset") if key in more}
        x, described_inputs = pixels(seed, **inputs)
        fed = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if "layout" in more else x)
        path = OUT / file
        export(path, model, fed)
        without_traces(path)
        true = copy.deepcopy(model.half() if more.get("half") else model).double()
        with torch.inference_mode():
            logits = whole = true(fed.double())
            if more.get("activation"):
                true.classifier = true.classifier[:-1]
                logits = true(fed.double())
        agreed(
            path,
            fed.numpy(),
            (columns(whole)[0] if isinstance(whole, dict) else whole.numpy()),
            1e-2 if more.get("half") else 1e-5,
        )
        files[file] = path.read_bytes()
        more = {key: value for key, value in more.items() if key not in ("half", "scale", "offset", "channels")}
        cases.append(described(file, logits, seed, head, STATED, **described_inputs, **more))
    files["external.onnx.data"] = (OUT / "external.onnx.data").read_bytes()
    for seed, (file, build) in enumerate([("attention.onnx", attention), ("residual.onnx", residual)], 950):
        old(OUT / file, fill(build(), seed), torch.zeros(SIZE[0], 3, *SIZE[1:]))
        files[file] = (OUT / file).read_bytes()
    archive("onnx-heads", files, cases)


if __name__ == "__main__":
    main()

"""Writes torch.json: logits of torchvision's DenseNets, and of CIFAR DenseNets in plain PyTorch, in float64.

Weights and inputs are seeded (prng.py), so that a golden is a seed and its logits.
"""

from collections import OrderedDict

import torch
import torchvision
from torch import nn

import prng
from description import architecture, case, cifar_stem, imagenet_stem, write


class DenseLayer(nn.Sequential):
    """The input with the layer's new channels behind it."""

    def forward(self, x):
        return torch.cat([x, super().forward(x)], 1)


def dense_layer(channels, growth, bottleneck):
    """BN-ReLU-1x1-BN-ReLU-3x3, or BN-ReLU-3x3 where `bottleneck` is None."""
    layer = OrderedDict(norm1=nn.BatchNorm2d(channels), relu1=nn.ReLU())
    if bottleneck is None:
        layer["conv1"] = nn.Conv2d(channels, growth, 3, padding=1, bias=False)
    else:
        layer["conv1"] = nn.Conv2d(channels, bottleneck, 1, bias=False)
        layer.update(norm2=nn.BatchNorm2d(bottleneck), relu2=nn.ReLU())
        layer["conv2"] = nn.Conv2d(bottleneck, growth, 3, padding=1, bias=False)
    return DenseLayer(layer)


def transition(channels, output):
    """BN-ReLU-1x1-average pool."""
    conv = nn.Conv2d(channels, output, 1, bias=False)
    return nn.Sequential(OrderedDict(norm=nn.BatchNorm2d(channels), relu=nn.ReLU(), conv=conv, pool=nn.AvgPool2d(2)))


def cifar(arch):
    """The paper's small-image DenseNet of an Architecture: a bare 3x3 stem."""
    channels = arch["stem"]["channels"]
    features = OrderedDict(conv0=nn.Conv2d(arch["input_channels"], channels, 3, padding=1, bias=False))
    for number, layers in enumerate(arch["layers"], 1):
        block = OrderedDict()
        for layer in range(1, layers + 1):
            block[f"denselayer{layer}"] = dense_layer(channels, arch["growth_rate"], arch["bottleneck"])
            channels += arch["growth_rate"]
        features[f"denseblock{number}"] = nn.Sequential(block)
        if number < len(arch["layers"]):
            output = arch["transition_channels"][number - 1]
            features[f"transition{number}"] = transition(channels, output)
            channels = output
    features["norm5"] = nn.BatchNorm2d(channels)
    features.update(relu5=nn.ReLU(), pool5=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten())
    return nn.Sequential(OrderedDict(features=nn.Sequential(features), classifier=nn.Linear(channels, arch["classes"])))


def run(model, name, batch, height, width, seed, statistics="ordinary", channels=3, **more):
    """Fills the model with seeded weights and runs the seeded input, both in float64."""
    state = model.state_dict()
    for key, value in state.items():
        if not key.endswith("num_batches_tracked"):
            state[key] = torch.from_numpy(prng.parameter(seed, key, tuple(value.shape), statistics))
    model.load_state_dict(state)
    x = torch.from_numpy(prng.image(seed, batch, channels, height, width)).double()
    with torch.inference_mode():
        logits = model.double().eval()(x)
    return case(name, logits, batch, height, width, seed, statistics=statistics, **more)


def main():
    torch.set_num_threads(2)
    cases = []
    for arch, suffix, batch, height, width, seed, statistics in [
        ("densenet121", "", 1, 224, 224, 121, "ordinary"),
        ("densenet121", "-97x131", 2, 97, 131, 122, "ordinary"),
        ("densenet121", "-small", 1, 224, 224, 123, "small"),
        ("densenet161", "", 1, 224, 224, 161, "ordinary"),
        ("densenet169", "", 1, 224, 224, 169, "ordinary"),
        ("densenet169", "-small", 1, 128, 160, 170, "small"),
        ("densenet201", "", 1, 224, 224, 201, "ordinary"),
    ]:
        model = getattr(torchvision.models, arch)(weights=None)
        cases.append(run(model, arch + suffix, batch, height, width, seed, statistics, architecture=arch))

    bc = architecture("densenet-bc-100-12", cifar_stem(24), 12, [16, 16, 16], 48, [108, 150], 10, 1e-5)
    plain = architecture("densenet-40-12", cifar_stem(16), 12, [12, 12, 12], None, [160, 304], 10, 1e-5)
    for arch, batch, seed in [(bc, 2, 100), (plain, 1, 40)]:
        cases.append(run(cifar(arch), arch["name"], batch, 32, 32, seed, architecture=arch["name"]))

    five = architecture("growth-5", cifar_stem(10), 5, [2, 3, 2], 20, [10, 12], 11, 1e-5)
    grey = architecture("one-channel", cifar_stem(9), 7, [2, 2], None, [23], 10, 1e-5, input_channels=1)
    for arch, batch, height, width, seed in [(five, 3, 32, 32, 5), (grey, 2, 29, 31, 7)]:
        channels = arch["input_channels"]
        cases.append(run(cifar(arch), arch["name"], batch, height, width, seed, channels=channels, architecture=arch))
    write("torch.json", cases)


if __name__ == "__main__":
    main()

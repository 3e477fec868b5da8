"""Writes torch-files.zip and torch-files.json: a small torchvision DenseNet in every form in which people keep PyTorch's
weights, files that are refused, and the logits in float64.
"""

import collections
import copy
import io
import pickle
import pickletools
import re
import struct
import zipfile
from collections import OrderedDict

import torch
from torch import nn
from torchvision.models import DenseNet, ResNet
from torchvision.models.resnet import BasicBlock

import prng
from description import FOLDER, case, write

SIZE = (2, 49, 62)


def fill(model, seed):
    """Seeded weights by their names, with running variances of 1e-4 to 1e-3."""
    state = model.state_dict()
    for key, value in state.items():
        if not key.endswith("num_batches_tracked"):
            state[key] = torch.from_numpy(prng.parameter(seed, key, tuple(value.shape), "small"))
    model.load_state_dict(state)
    return model.eval()


def densenet(seed=21):
    return fill(DenseNet(growth_rate=4, block_config=(2, 2), num_init_features=8, bn_size=2, num_classes=5), seed)


def logits_of(model, seed, size=SIZE):
    batch, height, width = size
    x = torch.from_numpy(prng.image(seed, batch, 3, height, width)).double()
    with torch.inference_mode():
        return copy.deepcopy(model).double()(x)


def renamed(state, pattern, by):
    return OrderedDict((re.sub(pattern, by, key), value) for key, value in state.items())


def saved(value, legacy=False):
    """The bytes of torch.save; the archive inside is called `archive`."""
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=not legacy)
    return without_addresses(buffer.getvalue()) if legacy else buffer.getvalue()


def without_addresses(content):
    """Legacy files name their storages by addresses and store them in that order: here by their place in the pickle."""
    stream = io.BytesIO(content)
    ends = []
    for _ in range(4):
        collections.deque(pickletools.genops(stream), maxlen=0)
        ends.append(stream.tell())
    begin, end = ends[2:]
    storages = {}
    for key in pickle.load(stream):
        count = struct.unpack("<q", stream.read(8))[0]
        # Only num_batches_tracked has one element, of 8 bytes.
        storages[key] = struct.pack("<q", count) + stream.read(count * (8 if count == 1 else 4))
    described = content[begin:end]
    string = lambda text: b"X" + struct.pack("<I", len(text)) + text.encode()
    old = sorted(storages, key=lambda key: described.index(string(key)))
    new = [f"{number:04}" for number in range(len(old))]
    for before, after in zip(old, new):
        described = described.replace(string(before), string(after))
    return content[:begin] + described + pickle.dumps(new, 2) + b"".join(storages[key] for key in old)


def without_counters(state):
    return OrderedDict((key, value) for key, value in state.items() if not key.endswith("num_batches_tracked"))


def files():
    """Each file's name, its bytes, and more of its case: its model's seed where it is read."""
    model = densenet()
    state = OrderedDict(model.state_dict())
    other = densenet(22).state_dict()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model(torch.zeros(1, 3, 32, 32)).sum().backward()
    optimizer.step()
    model.zero_grad()
    fill(model, 21)
    zipped, legacy = "PyTorch (zip)", "PyTorch (legacy pickle)"
    dotted = renamed(without_counters(state), r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2")
    nested = {"epoch": 3, "state_dict": renamed(state, "^", "module."), "optimizer": optimizer.state_dict()}
    both = {"state_dict": OrderedDict(other), "state_dict_ema": state}
    sigmoid = renamed(state, "^classifier", "classifier.0")
    thresholds = OrderedDict(state, op_threshs=torch.full((5,), 0.5))
    half = OrderedDict((key, value.half() if value.is_floating_point() else value) for key, value in state.items())
    rounded = densenet()
    rounded.load_state_dict(half)
    blank = OrderedDict((key, torch.zeros_like(value)) for key, value in state.items())
    missing = OrderedDict(blank)
    del missing["features.denseblock2.denselayer1.norm2.bias"]
    shaped = OrderedDict(blank)
    shaped["features.denseblock2.denselayer2.conv1.weight"] = torch.zeros(8, 5, 1, 1)
    integers = OrderedDict(blank)
    integers["classifier.bias"] = torch.zeros(5, dtype=torch.int32)
    slim = lambda value: torch.zeros([n // 16 if n >= 64 else n for n in value.shape])
    resnet = ResNet(BasicBlock, [1, 1, 1, 1], num_classes=2).state_dict()
    torch.manual_seed(0)
    program = io.BytesIO()
    torch.jit.save(torch.jit.script(nn.Linear(2, 1)), program)
    return [
        ("zip.pth", saved(state), model, zipped, "torchvision"),
        ("legacy.pth", saved(state, True), model, legacy, "torchvision"),
        ("legacy-dotted.pth", saved(dotted, True), model, legacy, "torchvision, old dotted names"),
        ("nested.pth.tar", saved(nested), model, zipped, "torchvision, behind 'state_dict.module.'"),
        ("ema.pt", saved(both), model, zipped, "torchvision, behind 'state_dict_ema.'"),
        ("sigmoid.bin", saved(sigmoid), model, zipped, "torchvision"),
        ("thresholds.pt", saved(thresholds), model, zipped, "torchvision"),
        ("half.pth", saved(half), rounded, zipped, "torchvision"),
        ("module.pt", saved(model), model, zipped, "torchvision"),
        ("module-legacy.pt", saved(model, True), None, None, None),
        ("missing.pth", saved(missing), None, None, None),
        ("mis-shaped.pth", saved(shaped), None, None, None),
        ("integers.pth", saved(integers), None, None, None),
        ("resnet.pth", saved(OrderedDict((key, slim(value)) for key, value in resnet.items())), None, None, None),
        ("torchscript.pt", program.getvalue(), None, None, None),
    ]


def main():
    torch.set_num_threads(2)
    cases = []
    with zipfile.ZipFile(FOLDER / "torch-files.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content, model, form, scheme in files():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
            if model is not None:
                logits = logits_of(model, 21)
                cases.append(case(name, logits, *SIZE, 21, format=form, scheme=scheme))
    write("torch-files.json", cases)


if __name__ == "__main__":
    main()

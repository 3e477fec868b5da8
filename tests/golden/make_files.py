"""Writes files/ and files.json: small networks in every layout of PyTorch's files, and ports with names of their own.

Weights are seeded (prng.py), with running variances of 1e-4 to 1e-3, where another epsilon shows; logits are computed in
float64 from the weights as saved.
"""

import copy
import json

import torch
import torchvision
from safetensors.torch import save_file

import ports
import prng
from description import FOLDER, case, write

FILES = FOLDER / "files"


def fill(model, seed):
    """Seeded weights of small statistics; a tensor's name is its own."""
    state = model.state_dict()
    for key, value in state.items():
        if not key.endswith("num_batches_tracked"):
            state[key] = torch.from_numpy(prng.parameter(seed, key, tuple(value.shape), "small"))
    model.load_state_dict(state)
    return model.eval()


def trained_statistics(model, seed, size):
    """Statistics as training gathers them: of what each norm sees."""
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the mean of all batches
        norm.reset_running_stats()
    model.train()
    with torch.no_grad():
        for batch in range(4):
            model(torch.from_numpy(prng.image(seed + 1 + batch, 8, 3, *size)))
    return model.eval()


def logits(model, seed, batch, size):
    """In float64, of the seeded input."""
    x = torch.from_numpy(prng.image(seed, batch, 3, *size)).double()
    with torch.inference_mode():
        return copy.deepcopy(model).double()(x)


def golden(model, file, seed, batch=2, size=(33, 40), **more):
    return case(file, logits(model, seed, batch, size), batch, *size, seed, weights=f"files/{file}", **more)


def port_cases():
    for number, (port, file) in enumerate(
        [
            (ports.Staged, "port-staged.pth"),
            (ports.Flat, "port-flat.safetensors"),
            (ports.Plain, "port-plain.pth"),
            (ports.Lists, "port-lists.pt"),
            (ports.NewFirst, "port-new-first.pth"),
        ]
    ):
        seed, size = 500 + number, (32, 32)
        model = fill(port(), seed)
        if port is ports.NewFirst:
            trained_statistics(model, seed, size)
        if file.endswith(".safetensors"):
            save_file(model.state_dict(), FILES / file)
        else:
            torch.save(model.state_dict(), FILES / file)
        # Flat's is too shallow for the 1e-8 between torchvision's and Keras' epsilon.
        more = {"eps_matters": False} if port is ports.Flat else {}
        yield golden(model, file, seed, size=size, **more)


def small(classes=5, **more):
    """torchvision's DenseNet, of two blocks."""
    return torchvision.models.DenseNet(
        growth_rate=4, block_config=(2, 2), num_init_features=8, bn_size=2, num_classes=classes, **more
    )


def dotted(state):
    """The names of torchvision's first files, in which norms and convolutions of a layer were numbered modules."""
    old = {"norm1.": "norm.1.", "conv1.": "conv.1.", "norm2.": "norm.2.", "conv2.": "conv.2."}

    def name(key):
        head, layer, tail = key.partition("denselayer")
        for new, was in old.items():
            tail = tail.replace(new, was)
        return head + layer + tail

    # They were written before batch norms counted.
    return {name(key): value for key, value in state.items() if not key.endswith("num_batches_tracked")}


def format_cases():
    seed = 600
    model = fill(small(), seed)
    state = model.state_dict()
    prefixed = lambda prefix, state: {prefix + key: value for key, value in state.items()}

    torch.save(state, FILES / "zip.pth")
    torch.save(dotted(state), FILES / "legacy-dotted.pth", _use_new_zipfile_serialization=False)
    torch.save(model, FILES / "module.pt")
    for file in ["zip.pth", "legacy-dotted.pth", "module.pt"]:
        yield golden(model, file, seed)

    # What a training program leaves behind: averaged weights, the last ones, and its own state.
    last = fill(small(), seed + 1)
    checkpoint = {
        "epoch": 90,
        "arch": "densenet",
        "state_dict": prefixed("module.", last.state_dict()),
        "state_dict_ema": prefixed("module.", state),
        "optimizer": {"state": {0: {"momentum_buffer": torch.ones(8, 3, 3, 3)}}, "param_groups": [{"lr": 0.1}]},
    }
    torch.save(checkpoint, FILES / "training.bin")
    yield golden(model, "training.bin", seed)

    # A head of a linear layer and its sigmoid, behind wrappers, as chest X-ray networks have it; half precision.
    model = small()
    model.classifier = torch.nn.Sequential(torch.nn.Linear(model.classifier.in_features, 14), torch.nn.Sigmoid())
    model = fill(model, seed + 2).bfloat16()
    torch.save({"state_dict": prefixed("module.densenet121.", model.state_dict())}, FILES / "sigmoid.pth")
    model.classifier[1] = torch.nn.Identity()
    yield golden(model, "sigmoid.pth", seed + 2, eps_matters=False)

    # Thresholds beside the network, as torchxrayvision keeps them.
    model = fill(small(18), seed + 3)
    torch.save({**model.state_dict(), "op_threshs": torch.full((18,), float("nan"))}, FILES / "thresholds.pth")
    yield golden(model, "thresholds.pth", seed + 3)

    # timm's names are torchvision's; a config.json beside the file says the rest.
    model = fill(small(), seed + 4)
    (FILES / "timm").mkdir(exist_ok=True)
    save_file(model.state_dict(), FILES / "timm/model.safetensors", metadata={"format": "pt"})
    config = {
        "architecture": "densenet121",
        "num_classes": 5,
        "num_features": model.classifier.in_features,
        "global_pool": "avg",
        "label_names": ["daisy", "dandelion", "rose", "sunflower", "tulip"],
        "pretrained_cfg": {
            "tag": "ra_in1k",
            "input_size": [3, 224, 224],
            "test_input_size": [3, 288, 288],
            "interpolation": "bicubic",
            "crop_pct": 0.95,
            "crop_mode": "center",
            "mean": [0.5, 0.5, 0.5],
            "std": [0.25, 0.25, 0.25],
            "num_classes": 5,
        },
    }
    (FILES / "timm/config.json").write_text(json.dumps(config, indent=1) + "\n")
    yield golden(model, "timm/model.safetensors", seed + 4)


def main():
    torch.set_num_threads(2)
    FILES.mkdir(exist_ok=True)
    write("files.json", [*port_cases(), *format_cases()])


if __name__ == "__main__":
    main()

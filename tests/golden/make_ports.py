"""Writes ports/ and ports.json: the networks of ports.py, and one with timm's description beside it.

Weights are seeded (prng.py), with running variances of 1e-4 to 1e-3, where another epsilon shows; logits are computed in
float64 from the weights as saved.
"""

import json

import torch
from safetensors.torch import save_file

import ports
import prng
from description import FOLDER, case, write
from make_torch_files import densenet, fill, logits_of

OUT = FOLDER / "ports"
SIZE = (2, 32, 32)


def trained_statistics(model, seed):
    """Statistics as training gathers them: of what each norm sees."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # the mean of all batches
            module.reset_running_stats()
    model.train()
    with torch.no_grad():
        for batch in range(4):
            model(torch.from_numpy(prng.image(seed + 1 + batch, 8, 3, 32, 32)))
    return model.eval()


def save(model, file):
    path = OUT / file
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".safetensors":
        path.write_bytes(b"")  # the library makes files that only their owner may read
        save_file(model.state_dict(), path, metadata={"format": "pt"})
        path.chmod(0o644)
    else:
        torch.save(model.state_dict(), path)


def main():
    torch.set_num_threads(2)
    cases = []
    files = {
        "staged.pth": ports.Staged,
        "flat.safetensors": ports.Flat,
        "plain.pth": ports.Plain,
        "lists.pt": ports.Lists,
        "new-first.pth": ports.NewFirst,
    }
    for seed, (file, port) in enumerate(files.items(), 500):
        model = fill(port(), seed)
        if port is ports.NewFirst:
            trained_statistics(model, seed)
        save(model, file)
        cases.append(case(file, logits_of(model, seed, SIZE), *SIZE, seed))
    # Nothing in the names or shapes says which norm is which.
    save(fill(ports.Alike(), 505), "alike.pth")

    model = densenet(600)
    save(model, "timm/model.safetensors")
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
    (OUT / "timm/config.json").write_text(json.dumps(config, indent=1) + "\n")
    cases.append(case("timm/model.safetensors", logits_of(model, 600, SIZE), *SIZE, 600))
    write("ports.json", cases)


if __name__ == "__main__":
    main()

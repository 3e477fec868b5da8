"""Writes torchvision's and timm's DenseNet-121, -161, -169 and -201 into a folder, in every layout of their files.

    python make_large.py FOLDER [121 ...]

FOLDER/large.json then holds the logits (`cargo xtask test --large` asks them of the reference). 1.4 GB in all.
"""

import pathlib
import sys

import timm
import torch
import torchvision
from safetensors.torch import save_file

from description import write
from make_files import dotted, fill, golden


def files(name, model):
    """Each layout: what to call it, and what writes it."""
    state = model.state_dict()
    module = {f"module.{key}": value for key, value in state.items()}
    training = {"epoch": 1, "arch": name, "state_dict": module, "best_acc1": torch.tensor(77.0)}
    return {
        f"{name}-zip.pth": lambda path: torch.save(state, path),
        f"{name}-legacy.pth": lambda path: torch.save(state, path, _use_new_zipfile_serialization=False),
        f"{name}-dotted.pth": lambda path: torch.save(dotted(state), path, _use_new_zipfile_serialization=False),
        f"{name}-training.pth.tar": lambda path: torch.save(training, path),
        f"{name}-module.pt": lambda path: torch.save(model, path),
    }


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    cases = []
    for number in [int(word) for word in sys.argv[2:]] or [121, 161, 169, 201]:
        name, size = f"densenet{number}", (64, 96)
        model = fill(getattr(torchvision.models, name)(weights=None), number)
        expected = None
        for file, save in files(name, model).items():
            save(folder / file)
            expected = expected or golden(model, file, number, batch=1, size=size)
            cases.append({**expected, "name": file, "weights": file})
        model = fill(timm.create_model(name), number + 1)
        file = f"{name}-timm.safetensors"
        save_file(model.state_dict(), folder / file, metadata={"format": "pt"})
        cases.append({**golden(model, file, number + 1, batch=1, size=size), "weights": file})
    write(folder / "large.json", cases)


if __name__ == "__main__":
    main()

"""Writes torchvision's and timm's DenseNet-121, -161, -169 and -201 into a folder, for `cargo xtask test --large`.

    python make_large_torch.py FOLDER [121 ...]

Each in every layout of their files; `torch-files.json` beside them lists the logits. 1.4 GB in all.
"""

import pathlib
import sys

import timm
import torch
import torchvision
from safetensors.torch import save_file

from description import case, write
from make_torch_files import fill, logits_of, renamed

SIZE = (1, 64, 96)


def files(name, model):
    """Each layout: what to call it, and what writes it."""
    state = model.state_dict()
    # As torchvision wrote it until 2017, before batch norms counted their batches.
    dotted = renamed(state, r"(denselayer\d+\.)(norm|conv)([12])", r"\1\2.\3")
    dotted = {key: value for key, value in dotted.items() if not key.endswith("num_batches_tracked")}
    training = {"epoch": 1, "arch": name, "state_dict": renamed(state, "^", "module."), "best_acc1": torch.tensor(77.0)}
    return {
        f"{name}.pth": lambda path: torch.save(state, path),
        f"{name}-legacy.pth": lambda path: torch.save(state, path, _use_new_zipfile_serialization=False),
        f"{name}-dotted.pth": lambda path: torch.save(dotted, path, _use_new_zipfile_serialization=False),
        f"{name}-training.pth.tar": lambda path: torch.save(training, path),
        f"{name}-module.pt": lambda path: torch.save(model, path),
    }


def main(folder, *depths):
    folder = pathlib.Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    cases = []
    for depth in [int(depth) for depth in depths] or [121, 161, 169, 201]:
        name = f"densenet{depth}"
        model = fill(getattr(torchvision.models, name)(weights=None), depth)
        logits = logits_of(model, depth, SIZE)
        for file, save in files(name, model).items():
            save(folder / file)
            cases.append(case(file, logits, *SIZE, depth))
        model, file = fill(timm.create_model(name), depth + 1), f"{name}-timm.safetensors"
        save_file(model.state_dict(), folder / file, metadata={"format": "pt"})
        cases.append(case(file, logits_of(model, depth + 1, SIZE), *SIZE, depth + 1))
    write(folder / "torch-files.json", cases)


if __name__ == "__main__":
    main(*sys.argv[1:])

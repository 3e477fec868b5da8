"""Writes ports.zip and ports.json: the networks of ports.py, one of Keras, and one with timm's description beside it.

Weights are seeded (prng.py), with running variances of 1e-4 to 1e-3, where another epsilon shows; logits are computed in
float64 from the weights as saved.
"""

import json
import pathlib
import tempfile
import zipfile

import make_keras_files as keras_files  # it names Keras' backend
import torch
from keras import Model
from keras import layers as L
from safetensors.torch import save_file

import ports
import prng
from description import FOLDER, case, write
from make_torch_files import densenet, fill, logits_of

OUT = pathlib.Path(tempfile.mkdtemp())
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


def keras_port(stem=3):
    """Layers without names of their own: `conv2d_3`, `batch_normalization_7`."""
    norm_relu = lambda x: L.ReLU()(L.BatchNormalization()(x))
    x = inputs = L.Input((None, None, 3))
    x = L.Conv2D(6, stem, padding="same", use_bias=False)(x)
    for layers, width in ((3, 7), (2, None)):
        for _ in range(layers):
            new = L.Conv2D(12, 1, use_bias=False)(norm_relu(x))
            x = L.Concatenate()([x, L.Conv2D(3, 3, padding="same", use_bias=False)(norm_relu(new))])
        x = norm_relu(x)
        if width:
            x = L.AveragePooling2D(2)(L.Conv2D(width, 1, use_bias=False)(x))
    return Model(inputs, L.Dense(4)(L.GlobalAveragePooling2D()(x)))


# File, the stem's kernel, seed.
KERAS = [
    ("automatic-weights.h5", 3, 510),
    ("automatic-7x7-weights.h5", 7, 511),
    ("automatic.weights.h5", 3, 512),
    ("unnamed.weights.h5", 3, 513),
    ("keras1-automatic.h5", 3, 514),
]


def keras_cases():
    keras_files.OUT = OUT
    for file, stem, seed in KERAS:
        build = lambda: keras_port(stem)
        keras_files.save(file, keras_files.made(build, seed, "float32"))
        if stem == 3:
            yield case(file, keras_files.logits_of(build, seed, *SIZE), *SIZE, seed)


def save(model, file):
    path = OUT / file
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".safetensors":
        save_file(model.state_dict(), path, metadata={"format": "pt"})
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
    cases.extend(keras_cases())
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
    paths = sorted(path for path in OUT.rglob("*") if path.is_file())
    files = [(path.relative_to(OUT).as_posix(), path.read_bytes()) for path in paths]
    keras_files.archive(files, FOLDER / "ports.zip", zipfile.ZIP_DEFLATED)
    write("ports.json", cases)


if __name__ == "__main__":
    main()

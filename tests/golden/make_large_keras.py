"""Writes DenseNets of full size as Keras saves them into a folder, for `cargo xtask test --large`.

    python make_large_keras.py FOLDER

keras.applications' DenseNet121, 169 and 201 and the article's DenseNet-121, with and without Scale layers, in every layout;
`keras-files.json` beside them lists the logits. Some 1.2 GB.
"""

import pathlib
import sys

import make_keras
import make_keras_files as small
from description import case, write
from keras.applications import densenet

BLOCKS = {121: [6, 12, 24, 16], 169: [6, 12, 32, 32], 201: [6, 12, 48, 32]}
LAYOUTS = [".keras", ".weights.h5", ".h5", "-weights.h5"]


def published(depth):
    return lambda: getattr(densenet, f"DenseNet{depth}")(weights=None, input_shape=(70, 64, 3))


def main(folder):
    small.OUT = pathlib.Path(folder)
    small.OUT.mkdir(parents=True, exist_ok=True)
    make_keras.NB_LAYERS, make_keras.GROWTH, make_keras.NB_FILTER, make_keras.CLASSES = BLOCKS[121], 32, 64, 1000
    networks = [(f"applications-{depth}", published(depth), 1.001e-5, "keras") for depth in BLOCKS]
    networks += [("article", small.article, 1.1e-5, "caffe")]
    networks += [("article-scale", lambda: small.article(scale=True), 1.1e-5, "caffe")]
    cases = []
    for seed, (name, build, eps, preset) in enumerate(networks, 21):
        logits = small.logits_of(build, seed, 1, 70, 64)
        model = small.made(build, seed, "float32")
        files = [f"{name}{layout}" for layout in LAYOUTS]
        files += ["keras2-applications.h5"] if name == "applications-121" else []
        files += ["keras1-article-scale.h5"] if name == "article-scale" else []
        for file in files:
            small.save(file, model)
            cases.append(case(file, logits, 1, 70, 64, seed, eps=eps, activation="softmax", preset=preset))
    write(small.OUT / "keras-files.json", cases)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Writes keras-files.zip and keras-files.json: small DenseNets in every layout that Keras ever wrote.

Keras 3 writes its own formats and the HDF5 layout of Keras 2; what only older versions wrote (names with `:0` and slashes,
`W` and `running_std`, Theano's kernels) is made from that with h5py. Logits are computed in float64, as in make_keras.py.
"""

import os
import pathlib
import re
import tempfile
import zipfile

os.environ["KERAS_BACKEND"] = "torch"

import h5py
import keras
import numpy as np
import torch
from keras import layers as L
from keras.src.applications import densenet
from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

import make_keras
import prng
from description import FOLDER, case, write
from make_keras import Article, Scale

OUT = pathlib.Path(tempfile.mkdtemp())
GROWTH, CLASSES = 3, 4
CANONICAL = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}


def applications(top=True, pooling=None):
    """keras.applications' DenseNet(), line by line but smaller, of its own blocks."""
    x = inputs = L.Input((None, None, 3))
    x = L.ZeroPadding2D(((3, 3), (3, 3)))(x)
    x = L.Conv2D(6, 7, strides=2, use_bias=False, name="conv1_conv")(x)
    x = L.BatchNormalization(axis=3, epsilon=1.001e-5, name="conv1_bn")(x)
    x = L.Activation("relu", name="conv1_relu")(x)
    x = L.ZeroPadding2D(((1, 1), (1, 1)))(x)
    x = L.MaxPooling2D(3, strides=2, name="pool1")(x)
    for block in (1, 2):
        x = densenet.conv_block(x, GROWTH, name=f"conv2_block{block}")
    x = densenet.transition_block(x, 0.5, name="pool2")
    x = densenet.conv_block(x, GROWTH, name="conv3_block1")
    x = L.BatchNormalization(axis=3, epsilon=1.001e-5, name="bn")(x)
    x = L.Activation("relu", name="relu")(x)
    if top or pooling:
        x = L.GlobalAveragePooling2D(name="avg_pool")(x)
    if top:
        x = L.Dense(CLASSES, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, x, name="densenet")


def transfer():
    """A network without its top inside of another, as fine-tuning makes them."""
    inputs = L.Input((None, None, 3))
    x = L.Dropout(0.3)(applications(top=False, pooling="avg")(inputs))
    return keras.Model(inputs, L.Dense(CLASSES, activation="sigmoid")(x))


def article(**options):
    """The article's network with its last layer, `prob`."""
    network = Article(**options)
    model = network.build()
    return keras.Model(model.input, L.Activation("softmax", name="prob")(model.output))


def automatic(eps=1e-3, first=False, bare=False, bias=False):
    """A port without names. `first`: new channels first. `bare`: batch norms without gamma, or beta, or both. `bias`: what
    Keras' convolutions have where nobody says otherwise."""
    flags = iter([(True, False), (False, True), (False, False)] * 3 if bare else [(True, True)] * 9)

    def norm_relu(x):
        scale, center = next(flags)
        return L.ReLU()(L.BatchNormalization(epsilon=eps, scale=scale, center=center)(x))

    x = inputs = L.Input((None, None, 3))
    x = L.Conv2D(6, 7, strides=2, padding="same", use_bias=bias)(x)
    x = L.MaxPooling2D(3, strides=2, padding="same")(norm_relu(x))
    for layers, last in ((2, False), (1, True)):
        for _ in range(layers):
            y = L.Conv2D(4 * GROWTH, 1, use_bias=bias)(norm_relu(x))
            y = L.Conv2D(GROWTH, 3, padding="same", use_bias=bias)(norm_relu(y))
            x = L.Concatenate()([y, x] if first else [x, y])
        x = norm_relu(x)
        if not last:
            x = L.AveragePooling2D(2)(L.Conv2D(5, 1, use_bias=bias)(x))
    x = L.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, L.Dense(CLASSES)(x))


def all_layers(model):
    """Those of models inside of the model too."""
    for layer in model.layers:
        yield from all_layers(layer) if isinstance(layer, keras.Model) else [layer]


def fill(model, seed):
    """Seeded weights by the layers' names, with running variances of 1e-4 to 1e-3."""
    for layer in all_layers(model):
        values = []
        for weight in layer.weights:
            name, shape = f"{layer.name}.{CANONICAL.get(weight.name, 'weight')}", tuple(weight.shape)
            if "seed_generator" in weight.path:
                values.append(weight.numpy())
            elif isinstance(layer, Scale):
                u = prng.uniform(seed, f"{layer.name}.{weight.name}", shape[0])
                values.append(0.75 + 0.5 * u if weight.name == "gamma" else 0.5 * u - 0.25)
            elif isinstance(layer, L.Conv2D) and weight.name == "bias":
                values.append(prng.parameter(seed, f"{layer.name}.bias", shape) / 16)
            elif isinstance(layer, L.Conv2D):
                height, width, inputs, outputs = shape
                kernel = prng.parameter(seed, name, (outputs, inputs, height, width), "small")
                values.append(kernel.transpose(2, 3, 1, 0))
            elif weight.name == "bias":
                values.append(prng.parameter(seed, "classifier.bias", shape))
            elif isinstance(layer, L.Dense):
                values.append(prng.parameter(seed, name, shape[::-1]).T)
            else:
                values.append(prng.parameter(seed, name, shape, "small"))
        layer.set_weights(values)


def made(build, seed, floatx):
    """The same network whenever it is built: automatic names count from 0."""
    keras.config.set_floatx(floatx)
    keras.utils.clear_session(free_memory=False)
    model = build()
    fill(model, seed)
    return model


def logits_of(build, seed, batch, height, width):
    """In float64, before the last activation; pooled features where there is no dense layer."""
    model = made(build, seed, "float64")
    x = prng.image(seed, batch, 3, height, width).transpose(0, 2, 3, 1).astype("float64")
    last = model.layers[-2] if isinstance(model.layers[-1], L.Activation) else model.layers[-1]
    if not isinstance(last, L.Dense):
        return keras.ops.convert_to_numpy(model(x, training=False)).mean(axis=(1, 2))
    features = keras.ops.convert_to_numpy(keras.Model(model.inputs, last.input)(x, training=False))
    kernel, bias = (np.asarray(w, "float64") for w in last.get_weights())
    return features @ kernel + bias


def legacy(model, path):
    """Weights alone in the layout of Keras 2, which Keras 3 still writes inside of whole models."""
    with h5py.File(path, "w") as file:
        save_weights_to_hdf5_group(file, model)


def rewritten(model, path, attributes, layer_name=lambda name: name, weight_name=None, change=lambda kernel: kernel):
    """Weights alone as an older Keras wrote them: other names of layers and weights, changed 4-D kernels."""
    with h5py.File(path, "w") as file:
        file.attrs.update(attributes)
        file.attrs["layer_names"] = [layer_name(layer.name).encode() for layer in model.layers]
        for layer in model.layers:
            name = layer_name(layer.name)
            group = file.create_group(name)
            names = [weight_name(name, weight.name) for weight in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for weight, stored in zip(layer.weights, names):
                value = weight.numpy()
                group[stored] = change(value) if value.ndim == 4 else value


def keras1_weight(layer, weight):
    old = {"kernel": "W", "bias": "b", "moving_mean": "running_mean", "moving_variance": "running_std"}
    return f"{layer}_{old.get(weight, weight)}"


def without_names(path):
    """As early versions of Keras 3 (3.4, but not 3.8) wrote them: the layers' own names are not beside their variables."""
    with h5py.File(path, "r+") as file:
        file.visititems(lambda _, item: item.attrs.pop("name", None) and None)
        for group in list(file["layers"].values()):
            if not len(group["vars"]):
                del file["layers"][group.name.rsplit("/", 1)[1]]


def save(name, model):
    """Each file as its Keras would have written it."""
    path = OUT / name
    match name:
        case "keras2-applications.h5":
            # Until 2018 the stem's layers had a slash in their names.
            old = {"conv1_conv": "conv1/conv", "conv1_bn": "conv1/bn", "predictions": "fc1000"}
            rewritten(
                model, path, {"backend": b"tensorflow", "keras_version": b"2.1.5"},
                lambda name: old.get(name, name), lambda layer, weight: f"{layer}/{weight}:0",
            )
        case "keras1-article-scale.h5":
            rewritten(model, path, {}, weight_name=lambda layer, weight: f"{keras1_weight(layer, weight)}:0")
        case "keras1-article-theano.h5":
            turn = lambda kernel: kernel[::-1, ::-1].transpose(3, 2, 0, 1)
            rewritten(model, path, {"backend": b"theano"}, weight_name=keras1_weight, change=turn)
        case "keras1-automatic.h5":
            def name_1(name):
                return name.replace("conv2d", "convolution2d")
            rewritten(model, path, {}, name_1, lambda layer, weight: f"{keras1_weight(layer, weight)}:0")
        case _ if name.endswith("-weights.h5"):
            legacy(model, path)
        case _ if name.endswith(".weights.h5"):
            model.save_weights(path)
            if "unnamed" in name:
                without_names(path)
        case _:
            model.save(path)


# File, network, seed, epsilon, activation, preset.
FILES = [
    ("applications.keras", applications, 11, 1.001e-5, "softmax", "keras"),
    ("applications.weights.h5", applications, 11, 1.001e-5, "softmax", "keras"),
    ("applications.h5", applications, 11, 1.001e-5, "softmax", "keras"),
    ("keras2-applications.h5", applications, 11, 1.001e-5, "softmax", "keras"),
    ("applications-notop.h5", lambda: applications(top=False), 12, 1.001e-5, "softmax", "keras"),
    ("transfer.keras", transfer, 13, 1.001e-5, "sigmoid", "keras"),
    ("transfer-weights.h5", transfer, 13, 1.001e-5, "softmax", "keras"),
    ("article.keras", article, 14, 1.1e-5, "softmax", "caffe"),
    ("article.weights.h5", article, 14, 1.1e-5, "softmax", "caffe"),
    ("article-scale.keras", lambda: article(scale=True), 15, 1.1e-5, "softmax", "caffe"),
    ("article-scale-weights.h5", lambda: article(scale=True), 15, 1.1e-5, "softmax", "caffe"),
    ("keras1-article-scale.h5", lambda: article(scale=True), 15, 1.1e-5, "softmax", "caffe"),
    ("keras1-article-theano.h5", article, 14, 1.1e-5, "softmax", "caffe"),
    ("automatic.keras", lambda: automatic(2e-5, True, True), 16, 2e-5, "none", None),
    ("automatic.h5", lambda: automatic(2e-5, True, True), 16, 2e-5, "none", None),
    ("automatic-bias.keras", lambda: automatic(bias=True), 17, 1e-3, "none", None),
    ("automatic-bias-first.h5", lambda: automatic(first=True, bias=True), 18, 1e-3, "none", None),
]


def archive(files, path, method):
    """The same bytes whenever it is made. HDF5's groups are mostly zeros."""
    with zipfile.ZipFile(path, "w", method, compresslevel=9) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, method)


def undated(path):
    """Keras' archives have dates, and addresses of Python's objects as their identities."""
    with zipfile.ZipFile(path) as dated:
        members = {name: dated.read(name) for name in dated.namelist()}
    members["metadata.json"] = re.sub(rb'"date_saved": "[^"]*"', b'"date_saved": ""', members["metadata.json"])
    addresses = {}
    number = lambda match: match[1] + str(addresses.setdefault(match[2], len(addresses))).encode()
    members["config.json"] = re.sub(rb'("shared_object_id": )(\d+)', number, members["config.json"])
    archive(members.items(), path, zipfile.ZIP_STORED)


def main():
    torch.set_num_threads(2)
    make_keras.NB_LAYERS, make_keras.GROWTH, make_keras.NB_FILTER, make_keras.CLASSES = [2, 1], GROWTH, 6, CLASSES
    cases = []
    for name, build, seed, eps, activation, preset in FILES:
        logits = logits_of(build, seed, 2, 49, 62)
        save(name, made(build, seed, "float32"))
        if name.endswith(".keras"):
            undated(OUT / name)
        cases.append(case(name, logits, 2, 49, 62, seed, eps=eps, activation=activation, preset=preset))
    files = [(name, (OUT / name).read_bytes()) for name, *_ in FILES]
    archive(files, FOLDER / "keras-files.zip", zipfile.ZIP_DEFLATED)
    write("keras-files.json", cases)


if __name__ == "__main__":
    main()

"""Writes keras-heads.zip and keras-heads.json: a small DenseNet with keras.applications' names, heads that people put behind
it, and what they put in front of it, with the logits in float64.

A Keras file tells all of it. `head` is in the words of `--head`, `transform` says in words what the model does to its input.
"""

import pathlib
import tempfile

import make_keras_files as keras_files  # it names Keras' backend

import keras
import numpy as np
import torch
from keras import layers as L
from keras.src.applications import densenet
from keras.src.applications.imagenet_utils import preprocess_input

from heads import STATED, archive, described, pixels, rounded

OUT = pathlib.Path(tempfile.mkdtemp())
CLASSES, HIDDEN = 3, 6
# Inputs of -2 to 2 become those of 0 to 255.
BYTES = {"scale": 63.75, "offset": 127.5}


def trunk(x):
    """keras.applications' DenseNet() without its top, of its own blocks: growth 3, blocks of 1 and 2 layers."""
    x = L.ZeroPadding2D(((3, 3), (3, 3)))(x)
    x = L.Conv2D(6, 7, strides=2, use_bias=False, name="conv1_conv")(x)
    x = L.BatchNormalization(axis=3, epsilon=1.001e-5, name="conv1_bn")(x)
    x = L.Activation("relu", name="conv1_relu")(x)
    x = L.ZeroPadding2D(((1, 1), (1, 1)))(x)
    x = L.MaxPooling2D(3, strides=2, name="pool1")(x)
    x = densenet.conv_block(x, 3, name="conv2_block1")
    x = densenet.transition_block(x, 0.5, name="pool2")
    for block in (1, 2):
        x = densenet.conv_block(x, 3, name=f"conv3_block{block}")
    x = L.BatchNormalization(axis=3, epsilon=1.001e-5, name="bn")(x)
    return L.Activation("relu", name="relu")(x)


def average(x):
    return L.GlobalAveragePooling2D(name="avg_pool")(x)


def dense(x, activation=None, outputs=CLASSES):
    return L.Dense(outputs, activation=activation, name="predictions")(x)


def network(head, front=lambda x: x, channels=3):
    """`head` and `front` make layers; `head` is told whether the last activation is to be left out."""

    def build(logits=False):
        inputs = L.Input((32, 32, channels), name="input")
        return keras.Model(inputs, head(trunk(front(inputs)), None if logits else "softmax"))

    return build


def behind(*layers):
    """A head of layers that are made anew each time, behind average pooling."""

    def head(x, activation):
        x = average(x)
        for layer in layers:
            x = layer()(x)
        return dense(x, activation)

    return head


def plain(x, _):
    return dense(average(x))


def two(x, activation, shared=False):
    x = average(x)
    x = L.Dense(HIDDEN, activation="gelu", name="shared")(x) if shared else x
    return {"years": L.Dense(1, name="age")(x), "class": L.Dense(2, activation=activation, name="sex")(x)}


def nested(logits=False):
    """A Sequential of preprocessing, a DenseNet without its top, and a head."""
    inside = L.Input((32, 32, 3), name="inside")
    base = keras.Model(inside, average(trunk(inside)), name="densenet121")
    layers = [L.Rescaling(1 / 255, name="rescaling"), base, L.Dense(HIDDEN, activation="relu", name="hidden")]
    layers += [
        L.BatchNormalization(name="head_bn"),
        L.Dropout(0.5),
        L.Dense(CLASSES, None if logits else "softmax", name="predictions"),
    ]
    return keras.Sequential([L.Input((32, 32, 3), name="input"), *layers])


def normalised(x):
    """With statistics that are weights: as after `adapt`."""
    return L.Normalization(name="normalization")(x)


def three(x):
    return L.Concatenate(name="three")([x, x, x])


def fill(model, seed):
    keras_files.fill(model, seed)
    for layer in keras_files.all_layers(model):
        values = layer.get_weights()
        if isinstance(layer, L.Normalization):
            values = [[120.0, 110.0, 100.0], [3400.0, 3200.0, 3600.0], 0]
        elif layer.name == "bn":
            values[0] /= 16  # features of about 1, where GELU is no ReLU
        kept = [w.dtype not in ("float32", "float64") for w in layer.weights]
        layer.set_weights([np.asarray(v) if keep else rounded(v) for v, keep in zip(values, kept)])
        if isinstance(layer, L.Normalization):
            layer.finalize_state()
    return model


def made(build, seed, floatx, **options):
    """The same network whenever it is built: automatic names count from 0."""
    keras.config.set_floatx(floatx)
    keras.utils.clear_session(free_memory=False)
    return fill(build(**options), seed)


def by_file(model, change, outputs):
    """One output, or several by their names in the file's order; Keras itself gives them by the alphabet."""
    outputs = [change(output) for output in keras.tree.flatten(outputs)]
    if len(outputs) == 1:
        return outputs[0]
    by_name = dict(zip(sorted(model._outputs_struct), outputs))
    return {name: by_name[name] for name in model._outputs_struct}


def activation(output):
    """Which an output ends in."""
    name = output._keras_history.operation.activation.__name__
    return "none" if name == "linear" else name


LINEAR = "linear 3"
MLP = "relu, avg, linear 6, {}, linear 3"
hidden = lambda activation=None, **options: lambda: L.Dense(HIDDEN, activation=activation, name="hidden", **options)
head_norm = lambda **options: lambda: L.BatchNormalization(name="head_bn", **options)
pools = lambda first, second: lambda x, activation: dense(
    L.Concatenate(name="pools")([first(x), second(x)]), activation
)
maximum = lambda x: L.GlobalMaxPooling2D(name="max_pool")(x)

# File, network, head, what is done to the input, and the input. Those with a head of `plain` end in no activation; one of two
# outputs has none.
CASES = [
    ("mlp.keras", network(behind(hidden("relu"), lambda: L.Dropout(0.5))), MLP.format("relu"), None, {}),
    ("gelu.keras", network(behind(hidden("gelu"))), MLP.format("gelu"), None, {}),
    (
        "leaky.h5",
        network(behind(hidden(), lambda: L.LeakyReLU(negative_slope=0.25, name="leaky"))),
        MLP.format("leaky_relu 0.25"),
        None,
        {},
    ),
    (
        "normed.keras",
        network(behind(hidden(use_bias=False), head_norm(), lambda: L.Activation("silu", name="silu"))),
        MLP.format("batch_norm 1e-3, silu"),
        None,
        {},
    ),
    ("maximum.keras", network(lambda x, activation: dense(maximum(x), activation)), "relu, max, " + LINEAR, None, {}),
    ("average-maximum.keras", network(pools(average, maximum)), "relu, avg+max, " + LINEAR, None, {}),
    ("maximum-average.h5", network(pools(maximum, average)), "relu, max+avg, " + LINEAR, None, {}),
    (
        "flatten.keras",
        network(lambda x, activation: dense(L.Flatten(name="flatten")(x), activation)),
        "relu, flatten 4x4, " + LINEAR,
        None,
        {},
    ),
    ("two.keras", network(two), "relu, avg; years: linear 1; class: linear 2", None, {}),
    (
        "two-shared.keras",
        network(lambda x, activation: two(x, activation, True)),
        "relu, avg, linear 6, gelu; years: linear 1; class: linear 2",
        None,
        {},
    ),
    ("nested.keras", nested, "relu, avg, linear 6, relu, batch_norm 1e-3, " + LINEAR, "x / 255", BYTES),
    (
        "rescaling.keras",
        network(plain, lambda x: L.Rescaling(1 / 127.5, offset=-1, name="rescaling")(x)),
        "relu, avg, linear 3",
        "x / 127.5 - 1",
        BYTES,
    ),
    ("normalization.keras", network(plain, normalised), "relu, avg, linear 3", "(x - mean) / sqrt(variance)", BYTES),
    (
        "preprocess-torch.keras",
        network(plain, lambda x: preprocess_input(x, mode="torch")),
        "relu, avg, linear 3",
        "(x / 255 - mean) / std",
        BYTES,
    ),
    (
        "preprocess-caffe.h5",
        network(plain, lambda x: preprocess_input(x, mode="caffe")),
        "relu, avg, linear 3",
        "channels reversed, x - mean",
        BYTES,
    ),
    (
        "grey.keras",
        network(plain, lambda x: three(L.Rescaling(1 / 255, name="rescaling")(x)), channels=1),
        "relu, avg, linear 3",
        "x / 255, three times",
        BYTES | {"channels": 1},
    ),
    (
        "grey-repeat.keras",
        network(plain, lambda x: keras.ops.repeat(x, 3, axis=-1), channels=1),
        "relu, avg, linear 3",
        "three times",
        {"channels": 1},
    ),
]


def main():
    torch.set_num_threads(2)
    keras_files.GROWTH = 3
    files, cases = {}, []
    for seed, (file, build, head, transform, inputs) in enumerate(CASES, 800):
        x, more = pixels(seed, **inputs)
        deep = made(build, seed, "float64", logits=True)
        logits = by_file(
            deep, keras.ops.convert_to_numpy, deep(x.transpose(0, 2, 3, 1).astype("float64"), training=False)
        )
        path = OUT / file
        model = made(build, seed, "float32")
        model.save(path)
        if path.suffix == ".keras":
            keras_files.undated(path)
        files[file] = path.read_bytes()
        activations = by_file(model, activation, model.outputs)
        if transform:
            more["transform"] = transform
        cases.append(described(file, logits, seed, head, STATED, activation=activations, **more))
    archive("keras-heads", files, cases)


if __name__ == "__main__":
    main()

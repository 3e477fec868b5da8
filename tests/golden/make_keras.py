"""Writes keras.json and *.safetensors: the Keras article's network and one with padding="same".

Run in float64, though Keras' batch norm, global pooling and dense layer on PyTorch round to float32 inside.

The article's network in Keras 3, names and numbers unchanged; only the configuration is small. Weights travel in
safetensors files with canonical names, Scale layers folded into the batch norm before them.
"""

import json
import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch
from keras import layers as L
from safetensors.numpy import save_file

import prng
from description import FOLDER, architecture, case, imagenet_stem, write

EPS = 1.1e-5
NB_LAYERS = [2, 3, 2, 2]
GROWTH = 6
NB_FILTER = 16
REDUCTION = 0.5
CLASSES = 7


class Scale(L.Layer):
    """y = x * gamma + beta by channel, as the older port has it behind a batch norm."""

    def build(self, shape):
        self.gamma = self.add_weight(shape=shape[-1:], name="gamma")
        self.beta = self.add_weight(shape=shape[-1:], name="beta")

    def call(self, x):
        return x * self.gamma + self.beta


class Article:
    """The article's functions; `scale`, `same` and `grow_nb_filters` choose among its versions."""

    def __init__(self, scale=False, same=False, grow_nb_filters=True):
        self.scale, self.same, self.grow_nb_filters = scale, same, grow_nb_filters
        self.canonical = {}  # layer's name -> canonical name
        self.transition_channels = []

    def norm_relu(self, x, base, relu, canonical):
        """Batch norm, Scale or none, ReLU."""
        self.canonical[f"{base}_bn"] = canonical
        x = L.BatchNormalization(epsilon=EPS, axis=3, name=f"{base}_bn")(x)
        if self.scale:
            x = Scale(name=f"{base}_scale")(x)
        return L.Activation("relu", name=relu)(x)

    def convolution(self, x, filters, kernel, strides, name, canonical, padding="valid"):
        """Without bias, as all of them."""
        self.canonical[name] = canonical
        return L.Conv2D(filters, kernel, strides, name=name, use_bias=False, padding=padding)(x)

    def padded(self, x, n, name):
        """Explicit zeros, or the next layer's padding="same"."""
        return (x, "same") if self.same else (L.ZeroPadding2D(n, name=name)(x), "valid")

    def conv_block(self, x, stage, branch, nb_filter):
        base, relu = f"conv{stage}_{branch}", f"relu{stage}_{branch}"
        canonical = f"features.denseblock{stage - 1}.denselayer{branch}"
        x = self.norm_relu(x, f"{base}_x1", f"{relu}_x1", f"{canonical}.norm1")
        x = self.convolution(x, 4 * nb_filter, 1, 1, f"{base}_x1", f"{canonical}.conv1")
        x = L.Dropout(0.2)(x)
        x = self.norm_relu(x, f"{base}_x2", f"{relu}_x2", f"{canonical}.norm2")
        x, padding = self.padded(x, 1, f"{base}_x2_zeropadding")
        x = self.convolution(x, nb_filter, 3, 1, f"{base}_x2", f"{canonical}.conv2", padding)
        return L.Dropout(0.2)(x)

    def dense_block(self, x, stage, nb_layers, nb_filter):
        concat_feat = x
        for branch in range(1, nb_layers + 1):
            x = self.conv_block(concat_feat, stage, branch, GROWTH)
            concat_feat = L.Concatenate(axis=3, name=f"concat_{stage}_{branch}")([concat_feat, x])
            if self.grow_nb_filters:
                nb_filter += GROWTH
        return concat_feat, nb_filter

    def transition_block(self, x, stage, nb_filter):
        base, canonical = f"conv{stage}_blk", f"features.transition{stage - 1}"
        nb_filter = int(nb_filter * (1 - REDUCTION))
        x = self.norm_relu(x, base, f"relu{stage}_blk", f"{canonical}.norm")
        x = self.convolution(x, nb_filter, 1, 1, base, f"{canonical}.conv")
        x = L.Dropout(0.2)(x)
        self.transition_channels.append(nb_filter)
        return L.AveragePooling2D(2, 2, name=f"pool{stage}")(x), nb_filter

    def build(self):
        """The model that ends with `fc6`, the logits; `prob`, its softmax, is not needed here."""
        inputs = L.Input((None, None, 3))
        x, padding = self.padded(inputs, 3, "conv1_zeropadding")
        x = self.convolution(x, NB_FILTER, 7, 2, "conv1", "features.conv0", padding)
        x = self.norm_relu(x, "conv1", "relu1", "features.norm0")
        x, padding = self.padded(x, 1, "pool1_zeropadding")
        x = L.MaxPooling2D(3, 2, padding=padding, name="pool1")(x)
        nb_filter = NB_FILTER
        for stage, nb_layers in enumerate(NB_LAYERS, 2):
            x, nb_filter = self.dense_block(x, stage, nb_layers, nb_filter)
            if stage < len(NB_LAYERS) + 1:
                x, nb_filter = self.transition_block(x, stage, nb_filter)
        x = self.norm_relu(x, f"conv{stage}_blk", f"relu{stage}_blk", "features.norm5")
        x = L.GlobalAveragePooling2D(name=f"pool{stage}")(x)
        self.canonical["fc6"] = "classifier"
        return keras.Model(inputs, L.Dense(CLASSES, name="fc6")(x))

    def architecture(self, name):
        stem = imagenet_stem(NB_FILTER, "same" if self.same else None)
        return architecture(name, stem, GROWTH, NB_LAYERS, 4 * GROWTH, self.transition_channels, CLASSES, EPS)


NORM = ["weight", "bias", "running_mean", "running_var"]


def fill(model, canonical, seed):
    """Seeded weights with running variances of 1e-4 to 1e-3, in Keras' layouts."""
    for layer in model.layers:
        if isinstance(layer, Scale):
            u = [prng.uniform(seed, f"{layer.name}.{part}", layer.gamma.shape[0]) for part in ("gamma", "beta")]
            layer.set_weights([0.75 + 0.5 * u[0], 0.5 * u[1] - 0.25])
        if layer.name not in canonical:
            continue
        name, shapes = canonical[layer.name], [tuple(w.shape) for w in layer.weights]
        if isinstance(layer, L.BatchNormalization):
            layer.set_weights([prng.parameter(seed, f"{name}.{part}", shapes[0], "small") for part in NORM])
        elif isinstance(layer, L.Conv2D):
            height, width, inputs, outputs = shapes[0]
            value = prng.parameter(seed, f"{name}.weight", (outputs, inputs, height, width), "small")
            layer.set_weights([value.transpose(2, 3, 1, 0)])
        else:
            weight = prng.parameter(seed, f"{name}.weight", shapes[0][::-1])
            layer.set_weights([weight.T, prng.parameter(seed, f"{name}.bias", shapes[1])])


def tensors(model, canonical):
    """What the model holds, by canonical name and in PyTorch's layouts."""
    found = {}
    by_name = {layer.name: layer for layer in model.layers}
    for layer_name, name in canonical.items():
        layer = by_name[layer_name]
        values = layer.get_weights()
        if isinstance(layer, L.BatchNormalization):
            scale = by_name.get(layer_name.removesuffix("_bn") + "_scale")
            if scale is not None:
                gamma, beta = scale.get_weights()
                values[:2] = values[0] * gamma, values[1] * gamma + beta
            found.update({f"{name}.{part}": value for part, value in zip(NORM, values)})
        elif isinstance(layer, L.Conv2D):
            found[f"{name}.weight"] = values[0].transpose(3, 2, 0, 1)
        else:
            found.update({f"{name}.weight": values[0].T, f"{name}.bias": values[1]})
    return {name: np.ascontiguousarray(value, np.float32) for name, value in found.items()}


def main():
    torch.set_num_threads(2)
    keras.config.set_floatx("float64")
    cases = []
    for name, options, seed, runs in [
        ("article", {}, 1, [(2, 64, 64)]),
        ("article-scale", {"scale": True}, 2, [(1, 96, 64)]),
        ("article-constant-filters", {"grow_nb_filters": False}, 3, [(1, 64, 64)]),
        ("article-scale-constant-filters", {"scale": True, "grow_nb_filters": False}, 4, [(1, 64, 64)]),
        ("same", {"same": True}, 5, [(1, 64, 64), (2, 57, 75)]),
    ]:
        article = Article(**options)
        model = article.build()
        fill(model, article.canonical, seed)
        metadata = {"densenet.architecture": json.dumps(article.architecture(name))}
        save_file(tensors(model, article.canonical), FOLDER / f"{name}.safetensors", metadata)
        for batch, height, width in runs:
            x = prng.image(seed, batch, 3, height, width).transpose(0, 2, 3, 1).astype("float64")
            logits = keras.ops.convert_to_numpy(model(x, training=False))
            assert logits.dtype == np.float64
            label = name if len(runs) == 1 else f"{name}-{height}x{width}"
            cases.append(case(label, logits, batch, height, width, seed, weights=f"{name}.safetensors"))
    write("keras.json", cases)


if __name__ == "__main__":
    main()

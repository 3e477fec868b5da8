"""The crate's seeded weights and inputs (src/weights/random.rs), bit for bit, in numpy.

A counter-based generator: element i (row-major) of the tensor called `name` needs nothing but (seed, name, i). All
arithmetic behind the 24 random bits is float32.
"""

import math

import numpy as np

GOLDEN = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1
F = np.float32


def uniform(seed, name, count):
    """`count` float32 numbers in [0, 1)."""
    key = 0xCBF29CE484222325  # FNV-1a, 64 bits
    for byte in name.encode():
        key = (key ^ byte) * 0x100000001B3 & MASK
    key ^= seed * GOLDEN & MASK
    with np.errstate(over="ignore"):
        z = np.uint64(key) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)  # splitmix64's finaliser
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)).astype(F) * F(2.0**-24)


def parameter(seed, name, shape, statistics="ordinary"):
    """A parameter by its canonical name: convolutions OIHW, classifier [out, in].

    "small" makes running variances of 1e-4 to 1e-3, where batch norm's epsilon shows, and convolutions that fit them.
    """
    small = statistics == "small"
    u = uniform(seed, name, math.prod(shape)).reshape(shape)
    if name == "classifier.bias":
        return (F(2) * u - F(1)) * F(0.125)
    if name.endswith("running_var"):
        return F(1e-4) + u * F(9e-4) if small else F(0.5) + u
    if name.endswith("running_mean"):
        return (u - F(0.5)) * F(0.5) * F(1 / 32 if small else 1)
    if name.endswith("bias"):
        return (u - F(0.5)) * F(0.5)
    if len(shape) == 1:
        return F(0.5) + F(0.5) * u
    value = (F(2) * u - F(1)) * F(math.sqrt(6 / math.prod(shape[1:])))
    return value * F(1 / 64) if small and len(shape) == 4 else value


def image(seed, batch, channels, height, width):
    """The seeded input, NCHW, in [-2, 2)."""
    u = uniform(seed, "input", batch * channels * height * width)
    return (F(4) * u - F(2)).reshape(batch, channels, height, width)

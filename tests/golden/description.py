"""What the golden scripts write: Architectures in the crate's JSON, and golden cases."""

import json
import pathlib

import numpy as np

FOLDER = pathlib.Path(__file__).parent


def explicit(n):
    """The same explicit padding on four sides."""
    return {"explicit": {"top": n, "left": n, "bottom": n, "right": n}}


def imagenet_stem(channels, padding=None):
    """7x7/2, batch norm, ReLU, max pool 3x3/2; `padding` "same", or else 3 and 1."""
    pool = {"kernel": 3, "stride": 2, "padding": padding or explicit(1)}
    return {"channels": channels, "kernel": 7, "stride": 2, "padding": padding or explicit(3), "norm": True, "pool": pool}


def cifar_stem(channels):
    """A bare 3x3 convolution."""
    return {"channels": channels, "kernel": 3, "stride": 1, "padding": explicit(1), "norm": False, "pool": None}


def architecture(name, stem, growth_rate, layers, bottleneck, transition_channels, classes, eps, input_channels=3):
    """An Architecture as the crate reads it."""
    return {
        "name": name,
        "input_channels": input_channels,
        "stem": stem,
        "growth_rate": growth_rate,
        "layers": layers,
        "bottleneck": bottleneck,
        "transition_channels": transition_channels,
        "eps": eps,
        "classes": classes,
    }


def case(name, logits, batch, height, width, seed, **more):
    """One golden: the network's logits, [batch, classes], for the seeded input; rounded to float32."""
    numbers = [float(str(x)) for x in np.asarray(logits, np.float32).ravel()]  # the shortest digits that float32 needs
    print(f"{name}: logits from {min(numbers):.4f} to {max(numbers):.4f}")
    return {"name": name, "seed": seed, "batch": batch, "height": height, "width": width, **more, "logits": numbers}


def write(file, cases):
    """One case a line, so that a change shows as the lines it touches."""
    lines = ",\n".join(json.dumps(case) for case in cases)
    (FOLDER / file).write_text(f"[\n{lines}\n]\n")

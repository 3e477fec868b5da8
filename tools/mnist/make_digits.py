"""Write the ten digit pictures of tests/images/digits/ from MNIST test images.

    python tools/mnist/make_digits.py --data DATA --out tests/images/digits

DATA holds mnist_t10k.npz. The same input gives the same pixels every time.
"""
import argparse
import os

import numpy as np
from PIL import Image

CREAM, BLUE, BLACK = (244, 236, 214), (28, 52, 140), (34, 32, 36)


def grow(digit, size):
    """The 28x28 digit smoothly enlarged to size x size."""
    return np.asarray(Image.fromarray(digit).resize((size, size), Image.Resampling.BICUBIC))


def place(digit, width, height, left, top):
    """The digit on a larger black canvas."""
    canvas = np.zeros((height, width), np.uint8)
    canvas[top:top + digit.shape[0], left:left + digit.shape[1]] = digit
    return canvas


def paper(digit, ink, seed):
    """Ink on faintly grained, unevenly lit cream paper."""
    h, w = digit.shape
    grain = np.random.default_rng(seed).normal(0, 2.0, (h, w)).round()
    light = np.linspace(0, -10, w)[None, :] + np.linspace(0, -6, h)[:, None]
    cover = digit[..., None] / 255.0 * 0.92
    page = np.array(CREAM) + (grain + light)[..., None]
    return (page * (1 - cover) + np.array(ink) * cover).clip(0, 255).round().astype(np.uint8)


def transparent(digit, ink=40):
    """Dark ink whose alpha is the stroke: grey + alpha."""
    return np.stack([np.full_like(digit, ink), digit], -1)


# file name, index in the test set, how the picture is made from the digit
PICTURES = [
    ("0-plain.png", 10, lambda d: d),
    ("1-offcentre.png", 37, lambda d: place(grow(d, 84), 160, 120, 8, 30)),
    ("2-enlarged.png", 35, lambda d: grow(d, 200)),
    ("3-inverted.png", 30, lambda d: 255 - d),
    ("4-paper-blue.png", 4, lambda d: paper(grow(d, 140), BLUE, 4)),
    ("5-plain.png", 15, lambda d: d),
    ("6-alpha.png", 22, lambda d: transparent(grow(d, 112))),
    ("7-paper.png", 17, lambda d: paper(place(grow(d, 112), 180, 130, 52, 12), BLACK, 7)),
    ("8-inverted-enlarged.png", 110, lambda d: 255 - grow(d, 200)),
    ("9-inverted-offcentre.png", 12, lambda d: 255 - place(grow(d, 70), 120, 160, 44, 78)),
]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True)
    p.add_argument("--out", default="tests/images/digits")
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    with np.load(os.path.join(a.data, "mnist_t10k.npz")) as z:
        images, labels = z["images"], z["labels"]
    for name, index, draw in PICTURES:
        assert labels[index] == int(name[0]), (name, labels[index])
        picture = Image.fromarray(np.ascontiguousarray(draw(images[index])))
        path = os.path.join(a.out, name)
        picture.save(path, optimize=True)
        print(f"{name}: {picture.width}x{picture.height} {picture.mode}, {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main()

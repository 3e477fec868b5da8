"""Writes picture.png and the tensors that torchvision and Pillow make of it.

    python tests/golden-images/make.py chelsea.png

chelsea.png is the photograph of that name in scikit-image's sample data (CC0). Needs numpy, Pillow, torch, torchvision.
"""
import os
import sys

import numpy as np
from PIL import Image
from torchvision import transforms as T
from torchvision.transforms import InterpolationMode as Mode

HERE = os.path.dirname(os.path.abspath(__file__))
IMAGENET = T.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
CIFAR = T.Normalize([x / 255 for x in (125.3, 123.0, 113.9)], [x / 255 for x in (63.0, 62.1, 66.7)])


def torchvision(resize, crop, mode, normalise):
    return T.Compose([T.Resize(resize, mode), T.CenterCrop(crop), T.ToTensor(), normalise])


def caffe(picture):
    x = T.CenterCrop(32)(T.Resize(37)(picture))
    x = np.asarray(x, dtype=np.float64)[:, :, ::-1]
    return ((x - (103.94, 116.78, 123.68)) * 0.017).transpose(2, 0, 1)


CASES = {
    "torchvision-32": torchvision(37, 32, Mode.BILINEAR, IMAGENET),
    "torchvision-24x40": torchvision(46, (24, 40), Mode.BILINEAR, IMAGENET),
    "timm-32": torchvision(37, 32, Mode.BICUBIC, IMAGENET),
    "keras-32": T.Compose([lambda p: p.resize((32, 32), Image.Resampling.NEAREST), T.ToTensor(), IMAGENET]),
    "caffe-32": caffe,
    "cifar10": torchvision(32, 32, Mode.BILINEAR, CIFAR),
    "enlarged": torchvision(80, (31, 36), Mode.BICUBIC, T.Normalize(0.0, 1.0)),
    "grey-padded": T.Compose([T.Grayscale(), torchvision(20, (33, 50), Mode.BILINEAR, T.Normalize(0.5, 0.25))]),
}


def main():
    path = os.path.join(HERE, "picture.png")
    Image.open(sys.argv[1]).convert("RGB").crop((120, 60, 360, 240)).resize((60, 45)).save(path, optimize=True)
    picture = Image.open(path)
    for name, prepare in CASES.items():
        np.save(os.path.join(HERE, f"{name}.npy"), np.asarray(prepare(picture), dtype="<f4"))


if __name__ == "__main__":
    main()

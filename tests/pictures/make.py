"""Writes the small pictures of tests/pictures.rs, and what Pillow makes of them.

    python tests/pictures/make.py

Needs numpy and Pillow. The pictures are drawn here, and are as free as the rest of the repository.
"""
import io
import os
import struct

import numpy as np
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
# How a camera stores a picture that EXIF's orientation turns upright again.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def upright():
    """40x24, smooth, and different in every corner and direction."""
    y, x = np.mgrid[0:24, 0:40]
    red, green, blue = 20 + 5 * x, 230 - 8 * y, 60 + 2 * x + 4 * y
    red[:8, :12] = 250
    return Image.fromarray(np.stack([red, green, blue], -1).astype(np.uint8))


def save(picture, name, **options):
    picture.save(os.path.join(HERE, name), **options)


def turned(picture, orientation):
    way = STORED[orientation]
    stored = picture if way is None else picture.transpose(way)
    exif = Image.Exif()
    exif[0x0112] = orientation
    return stored, exif


def jpeg(picture, **options):
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=92, subsampling=0, **options)
    return buffer.getvalue()


def write(name, data):
    with open(os.path.join(HERE, name), "wb") as file:
        file.write(data)


def tiff(name, pixels, sample_format=1):
    """An uncompressed TIFF of one strip, which Pillow cannot write with 16 bits a colour."""
    height, width, samples = pixels.shape
    bits = pixels.dtype.itemsize * 8
    data = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    extra = 8 + len(data)
    entries = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, samples, bits if samples == 1 else extra),
        (259, 3, 1, 1), (262, 3, 1, 1 if samples < 3 else 2), (273, 4, 1, 8), (277, 3, 1, samples),
        (278, 4, 1, height), (279, 4, 1, len(data)),
    ]
    if samples == 2:
        entries[2] = (258, 3, 2, bits | bits << 16)
    if samples in (2, 4):
        entries.append((338, 3, 1, 2))
    if sample_format != 1:
        entries.append((339, 3, samples, extra + 2 * samples))
    ifd = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    tables = struct.pack(f"<{samples}H", *[bits] * samples) + struct.pack(f"<{samples}H", *[sample_format] * samples)
    write(name, b"II*\0" + struct.pack("<I", extra + len(tables)) + data + tables + ifd)


def main():
    picture = upright()
    save(picture, "upright.png", optimize=True)
    for orientation in STORED:
        stored, exif = turned(picture, orientation)
        write(f"orientation-{orientation}.jpg", jpeg(stored, exif=exif))
    stored, exif = turned(picture, 6)
    save(stored, "orientation-6.png", exif=exif)
    save(stored, "orientation-6.webp", exif=exif, lossless=True)
    save(stored, "orientation-6.tiff", exif=exif)

    # Whole pictures, whatever stands before their end or after it.
    whole = jpeg(picture)
    write("progressive.jpg", jpeg(picture, progressive=True))
    write("restarts.jpg", jpeg(picture, restart_marker_blocks=1))
    write("grey.jpg", jpeg(picture.convert("L")))
    write("trailing.jpg", whole + b"a film of the same moment \xff\xd8\xff\xda\0\x08")
    thumbnail = jpeg(picture.resize((10, 6)))
    segment = b"Exif\0\0" + thumbnail
    write("thumbnail.jpg", whole[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(segment)) + segment + whole[2:])

    # Inverted, as every program that writes CMYK stores it.
    red, green, blue = [np.asarray(channel).astype(int) for channel in picture.split()]
    black = 255 - np.maximum(np.maximum(red, green), blue) // 2 - 40
    cmyk = Image.fromarray(np.stack([255 - red, 255 - green, 255 - blue, black // 3], -1).astype(np.uint8), "CMYK")
    write("cmyk.jpg", jpeg(cmyk))
    save(Image.open(os.path.join(HERE, "cmyk.jpg")).convert("RGB"), "cmyk.png", optimize=True)

    palette = picture.quantize(32, dither=Image.Dither.NONE)
    save(palette, "picture.gif")
    save(palette.convert("RGB"), "picture.gif.png", optimize=True)
    save(palette, "animated.gif", save_all=True, append_images=[palette.transpose(Image.Transpose.ROTATE_180)])

    eight = np.asarray(picture)
    sixteen = eight.astype(np.uint16) * 257 + (np.arange(eight.size).reshape(eight.shape) % 120).astype(np.uint16)
    alpha = np.full(eight.shape[:2] + (1,), 255, np.uint8)
    save(Image.fromarray(sixteen[..., 0]), "grey16.png")
    tiff("grey8.tiff", eight[..., :1])
    tiff("grey16.tiff", sixteen[..., :1])
    tiff("rgb8.tiff", eight)
    tiff("rgb16.tiff", sixteen)
    tiff("rgba8.tiff", np.concatenate([eight, alpha], -1))
    tiff("rgba16.tiff", np.concatenate([sixteen, alpha * np.uint16(257)], -1))
    save(picture, "lzw.tiff", compression="tiff_lzw")
    save(picture, "deflate.tiff", compression="tiff_adobe_deflate")
    tiff("float.tiff", eight[:4, :4].astype(np.float32), sample_format=3)


if __name__ == "__main__":
    main()

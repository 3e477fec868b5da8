"""What the heads' generators share: numbers, a case's description, class maps, archives."""

import os
import sys
import zipfile

import numpy as np

import prng
from description import FOLDER, case, write

SIZE = (2, 32, 32)

# What a file says of its head.
STATED = "stated"  # all that changes the numbers
ASSUMED = "assumed"  # not all, but the likeliest reading is the right one
OTHER = "other"  # not all, and the likeliest reading is another one: `head` has to be given
REFUSED = "refused"  # not all, and no reading is likeliest: `head` has to be given
PART = "part"  # a larger network, of which the DenseNet is read for its features


def rounded(values):
    """As bfloat16 holds them: archives of such numbers are smaller."""
    bits = np.asarray(values, np.float32).view(np.uint32) + np.uint32(0x8000)
    return (bits & np.uint32(0xFFFF0000)).view(np.float32)


def pixels(seed, channels=3, scale=1.0, offset=0.0):
    """The seeded input, NCHW in f32, and what of it is described."""
    batch, height, width = SIZE
    x = prng.image(seed, batch, channels, height, width) * np.float32(scale) + np.float32(offset)
    more = {"channels": channels}
    if (scale, offset) != (1.0, 0.0):
        more |= {"scale": scale, "offset": offset}
    return x, more


def columns(outputs):
    """Several outputs, one behind the other, and their names and lengths."""
    parts = {name: np.asarray(value, np.float64).reshape(SIZE[0], -1) for name, value in outputs.items()}
    return np.concatenate(list(parts.values()), 1), [[name, value.shape[1]] for name, value in parts.items()]


def described(name, logits, seed, head, reading, **more):
    """A case: `head` is the truth in the words of `--head`."""
    if isinstance(logits, dict):
        logits, more["outputs"] = columns(logits)
    logits = np.asarray(logits)
    assert abs(logits[0] - logits[1]).max() > 0.01 * abs(logits).max(), f"{name}: every picture has the same logits"
    if "cam" in more:
        more["cam"] = [float(str(x)) for x in np.asarray(more["cam"], np.float32).ravel()]
    return case(name, logits, *SIZE, seed, head=head, reading=reading, **more)


def seeded_hashes():
    """TorchScript orders constants by Python's hashes: starts again where these are not seeded."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHONHASHSEED": "0"})


def archive(name, files, cases):
    """NAME.zip, the same bytes whenever it is made, and NAME.json."""
    with zipfile.ZipFile(FOLDER / f"{name}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(file, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED, 9)
    write(f"{name}.json", cases)
    print(f"{name}.zip: {(FOLDER / f'{name}.zip').stat().st_size} bytes of {len(files)} files")

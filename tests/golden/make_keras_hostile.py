"""Writes keras-hostile.zip: small files that want to take all memory, time or stack of who reads them."""

import io
import pathlib
import re
import struct
import tempfile
import zipfile

import h5py
import numpy as np

from description import FOLDER


def hdf5(write):
    """The bytes of an HDF5 file."""
    path = pathlib.Path(tempfile.mkdtemp()) / "file.h5"
    with h5py.File(path, "w") as file:
        write(file)
    return bytearray(path.read_bytes())


def archive(**members):
    """The bytes of a .keras archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, content in members.items():
            file.writestr(zipfile.ZipInfo(name.replace("_", "."), (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
        file.writestr(zipfile.ZipInfo("model.weights.h5", (1980, 1, 1, 0, 0, 0)), b"\0")
    return buffer.getvalue()


def one_string_many_times():
    """An attribute of 3,000 strings that are all the same 400 kB of a heap."""
    strings = ["x" * 400_000] + [f"y{i:06}" for i in range(3000)]
    data = hdf5(lambda file: file.attrs.create("layer_names", strings, dtype=h5py.string_dtype()))
    first = data.find(struct.pack("<I", 400_000))
    for i in range(1, 3001):
        data[first + 16 * i : first + 16 * i + 16] = data[first : first + 16]
    return data


def one_name_many_times():
    """3,000 groups that all have the same name of 200 kB."""
    def write(file):
        group = file.create_group("layers")
        for name in ["a" * 200_000] + [f"b{i:04}" for i in range(3000)]:
            group.create_group(name)
    data = hdf5(write)
    name = data.find(b"a" * 1000)
    heaps = (struct.unpack("<QQQ", data[m.start() + 8 : m.start() + 32]) for m in re.finditer(b"HEAP", data))
    offset = next(name - address for size, _, address in heaps if address <= name < address + size)
    for node in [m.start() for m in re.finditer(b"SNOD", data)]:
        count = struct.unpack("<H", data[node + 6 : node + 8])[0]
        for i in range(count if count > 1 else 0):
            data[node + 8 + 40 * i : node + 16 + 40 * i] = struct.pack("<Q", offset)
    return data


def nested_type():
    """Lists of lists of lists, 7,900 deep: who reads them by recursion needs a deep stack."""
    kind = h5py.h5t.IEEE_F32LE
    for _ in range(7900):
        kind = h5py.h5t.vlen_create(kind)
    return hdf5(lambda file: h5py.h5a.create(file.id, b"layer_names", kind, h5py.h5s.create_simple((1,))))


def circle():
    """Groups that lie in themselves, eightfold."""
    def write(file):
        group = file.create_group("layers")
        for i in range(8):
            group[f"again{i}"] = group
    return hdf5(write)


def kernel(**options):
    """One tensor where Keras 3 keeps its first convolution."""
    return hdf5(lambda file: file.create_dataset("layers/conv2d/vars/0", **options))


def index_in_circles():
    """A tensor whose index of chunks points to itself."""
    data = kernel(data=np.zeros((3, 3, 8, 8), "f4"), chunks=(1, 1, 8, 8))
    for node in [m.start() for m in re.finditer(b"TREE\\x01\\x00", data)]:
        data[node + 5] = 2
        for entry in range(9):
            at = node + 24 + 48 * (entry + 1) + 8 * entry
            data[at : at + 8] = struct.pack("<Q", node)
    return data


CASES = {
    "one-string-many-times.h5": one_string_many_times,
    "one-name-many-times.h5": one_name_many_times,
    "nested-type.h5": nested_type,
    "circle.h5": circle,
    "index-in-circles.h5": index_in_circles,
    "2-tebibytes.h5": lambda: kernel(shape=(1 << 19, 1 << 20), dtype="f4"),
    "nothing-by-a-trillion.h5": lambda: kernel(shape=(0, 1 << 40), dtype="f4"),
    "unrepresentable.h5": lambda: kernel(shape=(1 << 40, 1 << 40), dtype="f4"),
    "large-chunk.h5": lambda: kernel(shape=(9, 9, 3, 3), dtype="f4", maxshape=(None,) * 4, chunks=(1 << 14, 1 << 13, 1, 1)),
    "small-chunks.h5": lambda: kernel(shape=(1 << 10,), dtype="f4", chunks=(1,)),
    "zeros.h5": lambda: kernel(data=np.zeros((3, 3, 500, 500), "f4"), compression="gzip", compression_opts=9),
    "links.h5": lambda: hdf5(lambda file: file.update({"layers": h5py.SoftLink("/layers"), "x": h5py.ExternalLink("a", "/")})),
    "long-configuration.keras": lambda: archive(config_json='"' + "x" * 20_000_000 + '"'),
    "deep-configuration.keras": lambda: archive(config_json="[" * 1_000_000),
}


def main():
    with zipfile.ZipFile(FOLDER / "keras-hostile.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, make in CASES.items():
            file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), bytes(make()), zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main()

"""Writes small files that once took gigabytes, or the process's stack. Needs nothing but Python."""

import io
import json
import pathlib
import struct
import zipfile

FOLDER = pathlib.Path(__file__).parent
LENGTH = 256 << 10


def archive(**members):
    """A compressed zip; `_` in names stands for `/` and `__` for `.`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            info = zipfile.ZipInfo(name.replace("__", ".").replace("_", "/"), (1980, 1, 1, 0, 0, 0))
            file.writestr(info, content, zipfile.ZIP_DEFLATED, compresslevel=9)
    return buffer.getvalue()


def pickle(*parts):
    return archive(a_data__pkl=b"\x80\x02" + b"".join(parts), a_data_0=bytes(64))


def text(length):
    return b"X" + struct.pack("<I", length) + b"k" * length


def keras(layers):
    return archive(config__json=json.dumps({"config": {"layers": layers}}), model__weights__h5=b"\0")


def padding(i):
    return {"class_name": "ZeroPadding2D", "config": {"name": f"l{i}", "padding": 1}, "inbound_nodes": [[[f"l{i - 1}", 0, 0]]]}


TENSOR = (
    b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x10tQ"
    b"K\0K\x04\x85K\x01\x85\x89NtR"
)
DROPOUTS = [{"class_name": "Dropout", "config": {}}] * 9000

FILES = {
    "key-again.pth": pickle(b"](}", text(LENGTH), b"Nsq\0", b"h\0" * 50_000, b"e."),
    "class-again.pth": pickle(b"](c", b"m" * LENGTH, b"\nn\n", b"2" * 50_000, b"e."),
    "long-names.pth": pickle(b"}", text(LENGTH), b"](", TENSOR, b"q\0", b"h\0" * 50_000, b"es."),
    "nested.pth": pickle(b"}U\0", b"]" * 990, b"N", b"a" * 990, b"q\0h\0" b"0s."),
    "long-model.keras": keras([{"class_name": "Sequential", "config": {"name": "n" * (4 << 20), "layers": DROPOUTS}}]),
    "padding-of-padding.keras": keras(
        [{"class_name": "InputLayer", "config": {"name": "l0"}, "inbound_nodes": []}] + [padding(i) for i in range(1, 9999)]
    ),
}


def main():
    for name, content in FILES.items():
        (FOLDER / name).write_bytes(content)


if __name__ == "__main__":
    main()

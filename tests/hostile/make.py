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


def field(number, content):
    """A field of a protocol buffer: an integer, or bytes with their length."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(n):
    head = b""
    while n > 127:
        head += bytes([n & 127 | 128])
        n >>= 7
    return head + bytes([n])


def onnx(graph):
    return field(1, 8) + field(7, graph) + field(8, field(2, 17))


def node(operation, reads, yields, *attributes):
    parts = [field(1, name) for name in reads] + [field(2, name) for name in yields]
    return field(1, b"".join(parts) + field(4, operation) + b"".join(field(5, attribute) for attribute in attributes))


def nested(depth):
    graph = b""
    for _ in range(depth):
        graph = node(b"If", [b"x"], [b"y"], field(1, b"then_branch") + field(6, graph))
    return graph


INPUT = field(11, field(1, b"x"))
OUTPUT = field(12, field(1, b"y"))
DROPOUTS = [{"class_name": "Dropout", "config": {}}] * 9000

FILES = {
    "key-again.pth": pickle(b"](}", text(LENGTH), b"Nsq\0", b"h\0" * 50_000, b"e."),
    "class-again.pth": pickle(b"](c", b"m" * LENGTH, b"\nn\n", b"2" * 50_000, b"e."),
    "long-names.pth": pickle(b"}", text(LENGTH), b"](", TENSOR, b"q\0", b"h\0" * 50_000, b"es."),
    "nested.pth": pickle(b"}U\0", b"]" * 990, b"N", b"a" * 990, b"q\0h\0" b"0s."),
    "long-model.keras": keras([{"class_name": "Sequential", "config": {"name": "n" * (4 << 20), "layers": DROPOUTS}}]),
    "endless-number.onnx": field(1, 8) + b"\x3a" + b"\xff" * 12,
    "endless-length.onnx": field(1, 8) + b"\x3a" + b"\xff" * 9 + b"\x01" + bytes(8),
    "nested-graphs.onnx": onnx(nested(1000) + INPUT + OUTPUT),
    "circle.onnx": onnx(node(b"Relu", [b"y"], [b"y"]) + INPUT + OUTPUT),
    "doubled.onnx": onnx(
        b"".join(node(b"Concat", [b"x%d" % i] * 2, [b"x%d" % (i + 1)], field(1, b"axis") + field(3, 1)) for i in range(64))
        + field(11, field(1, b"x0")) + field(12, field(1, b"x64"))
    ),
    "padding-of-padding.keras": keras(
        [{"class_name": "InputLayer", "config": {"name": "l0"}, "inbound_nodes": []}] + [padding(i) for i in range(1, 9999)]
    ),
}


def main():
    for name, content in FILES.items():
        (FOLDER / name).write_bytes(content)


if __name__ == "__main__":
    main()

"""Fills corpus/TARGET with seeds from what lies elsewhere in the repository. Needs nothing but Python."""

import pathlib
import random
import struct
import zipfile

FUZZ = pathlib.Path(__file__).parent
ROOT = FUZZ.parent
GOLDEN = ROOT / "tests/golden"
PYTORCH = (".pth", ".pt", ".bin", ".tar")
KERAS = (".h5", ".keras")

# Words for libFuzzer to put in.
WORDS = {
    "safetensors": ['"dtype":"F32"', '"F16"', '"BF16"', '"F64"', '"shape":[', '"data_offsets":[', "__metadata__",
                    "densenet.architecture", "densenet.labels", "densenet.preset", "densenet.channel_order",
                    "pretrained_cfg", "features.denseblock1.denselayer1.norm1.weight", "running_mean", "running_var",
                    "new-first", "18446744073709551615"],
    "pickle": ["ctorch._utils\\x0a_rebuild_tensor_v2\\x0a", "ctorch\\x0aFloatStorage\\x0a", "ccollections\\x0aOrderedDict\\x0a",
               "\\x80\\x02", "}(", "tQ", ")R", "X\\x01\\x00\\x00\\x00a", "q\\x00", "h\\x00", "\\x94", "\\x85", "\\x86",
               "_parameters", "_buffers", "_modules", "storage", "cpu"],
    "keras_config": ['"class_name"', '"config"', '"layers"', '"inbound_nodes"', '"Concatenate"', '"Conv2D"', '"Dense"',
                     '"BatchNormalization"', '"keras_history"', '"output_layers"', '"Functional"', '"Sequential"', '"padding"'],
    "descriptions": ['"architecture"', '"num_classes"', '"label_names"', '"pretrained_cfg"', '"input_size"', '"crop_pct"',
                     '"mean"', '"std"', '"resize"', "resize=", "crop=", "filter=bicubic", "scale=1/255", '"layers"', '"stem"'],
}


def files():
    """Names and bytes of all weight files and descriptions."""
    for path in sorted([*GOLDEN.iterdir(), *(ROOT / "models").rglob("*"), *(ROOT / "tests/hostile").glob("*")]):
        if path.is_file() and path.suffix != ".zip":
            yield path.name, path.read_bytes()
    for path in sorted(GOLDEN.glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield name.replace("/", "-"), archive.read(name)


def seed(target, name, content):
    folder = FUZZ / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    # Large files are copied again and again and hardly mutated where it matters.
    if len(content) <= 150_000:
        (folder / f"seed-{name}").write_bytes(content)


def member(content, ending):
    """The member of a zip whose name ends so."""
    path = FUZZ / "corpus/member"
    path.write_bytes(content)
    with zipfile.ZipFile(path) as archive:
        found = [archive.read(name) for name in archive.namelist() if name.endswith(ending)]
    path.unlink()
    return found[0]


def main():
    (FUZZ / "corpus").mkdir(exist_ok=True)
    for name, content in files():
        seed("any", name, content)
        if name.endswith(".safetensors"):
            length = struct.unpack("<Q", content[:8])[0]
            seed("safetensors", name, content)
            seed("safetensors", f"header-{name}", content[: 8 + length])
        if name.endswith(PYTORCH):
            seed("pytorch", name, content)
            if content.startswith(b"PK") and b"data.pkl" in content:
                seed("pickle", name, member(content, "data.pkl"))
        if name.endswith(KERAS):
            seed("keras", name, content)
            if content.startswith(b"PK"):
                seed("keras_config", name, member(content, "config.json"))
        if name.endswith(".onnx"):
            seed("onnx", name, content)
        if name.endswith(".json"):
            seed("descriptions", name, content)
    for text in ["timm,resize=320,crop=288", "resize=8x9,mean=0.5,std=1/3,scale=1/255,filter=lanczos,colour=bgr", "mnist"]:
        seed("descriptions", text.replace("/", "-"), text.encode())
    # Choices of the generator: any will do.
    numbers = random.Random(0)
    for i in range(200):
        seed("structure", f"{i}", numbers.randbytes(numbers.randrange(8, 1500)))
        seed("onnx_graph", f"{i}", numbers.randbytes(numbers.randrange(8, 100)))
    for target, words in WORDS.items():
        escaped = (word if "\\x" in word else word.replace('"', '\\"') for word in words)
        (FUZZ / "corpus" / f"{target}.dict").write_text("".join(f'"{word}"\n' for word in escaped))


if __name__ == "__main__":
    main()

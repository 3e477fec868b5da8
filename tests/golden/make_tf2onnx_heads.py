"""Writes tf2onnx-heads.zip and tf2onnx-heads.json: Keras models of keras-heads.zip as tf2onnx makes ONNX of them, with the
same logits. TensorFlow wants another h5py than the rest, so it has requirements of its own: requirements-tf2onnx.txt.

tf2onnx orders its nodes by addresses: these archives are not the same, byte for byte, when they are made again.
"""

import json
import os
import pathlib
import tempfile
import zipfile

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import onnxruntime
import tensorflow as tf
import tf2onnx

from description import FOLDER
from heads import archive, pixels

OUT = pathlib.Path(tempfile.mkdtemp())
# Of each, whether the input is turned to NCHW by tf2onnx.
FILES = {"mlp": False, "normalization": False, "flatten": True}


def main():
    files, cases = {}, []
    known = {case["name"]: case for case in json.loads((FOLDER / "keras-heads.json").read_text())}
    with zipfile.ZipFile(FOLDER / "keras-heads.zip") as keras_heads:
        for name, planar in FILES.items():
            path = OUT / f"{name}.onnx"
            model = keras.models.load_model(keras_heads.extract(f"{name}.keras", OUT))
            signature = [tf.TensorSpec([None, 32, 32, 3], tf.float32, name="input")]
            options = {"inputs_as_nchw": ["input"]} if planar else {}
            tf2onnx.convert.from_keras(model, input_signature=signature, opset=15, output_path=str(path), **options)
            files[path.name] = path.read_bytes()
            case = known[f"{name}.keras"] | {"name": path.name} | ({} if planar else {"layout": "nhwc"})
            cases.append(case)
            x = pixels(case["seed"], scale=case.get("scale", 1.0), offset=case.get("offset", 0.0))[0]
            (got,) = onnxruntime.InferenceSession(path).run(None, {"input": x if planar else x.transpose(0, 2, 3, 1)})
            want = np.reshape(case["logits"], got.shape)
            scores = np.exp(want) / np.exp(want).sum(1, keepdims=True) if case["activation"] == "softmax" else want
            assert np.allclose(got, scores, atol=1e-5), path.name
    archive("tf2onnx-heads", files, cases)


if __name__ == "__main__":
    main()

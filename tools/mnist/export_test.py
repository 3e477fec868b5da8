"""Write the MNIST test set as .npy files, ready for the densenet binary.

    python tools/mnist/export_test.py --data DATA --out FOLDER

test_images.npy is f32 [10000,1,28,28], normalised as the model expects; test_labels.npy is u8 [10000].
"""
import argparse
import os

import numpy as np

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("--data", required=True, help="folder of mnist_t10k.npz")
p.add_argument("--out", required=True)
a = p.parse_args()

os.makedirs(a.out, exist_ok=True)
with np.load(os.path.join(a.data, "mnist_t10k.npz")) as z:
    images, labels = z["images"].astype(np.float32)[:, None], z["labels"].astype(np.uint8)
images = (images / np.float32(255) - np.float32(0.1307)) / np.float32(0.3081)
np.save(os.path.join(a.out, "test_images.npy"), np.ascontiguousarray(images))
np.save(os.path.join(a.out, "test_labels.npy"), labels)
print(f"{images.shape} {images.dtype}, mean {images.mean():.4f}, std {images.std():.4f}")

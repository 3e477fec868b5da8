"""Compare logits (or probabilities) with labels and print the accuracy.

    python tools/mnist/score.py LOGITS.npy LABELS.npy

LOGITS is [N,10] (or anything that flattens to it), LABELS is [N].
"""
import argparse

import numpy as np

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("logits")
p.add_argument("labels")
a = p.parse_args()

labels = np.load(a.labels).astype(np.int64)
logits = np.load(a.logits).reshape(len(labels), -1)
assert logits.shape[1] == 10, f"10 classes expected, not {logits.shape[1]}"
assert np.isfinite(logits).all(), "not every value is finite"
right = int((logits.argmax(1) == labels).sum())
print(f"{right} of {len(labels)} correct, {right / len(labels):.2%}")

"""Train the embedded digit classifier: a small DenseNet-BC on MNIST, on the CPU.

    python tools/mnist/train.py --data DATA --bf16 --out models/mnist.safetensors

DATA holds mnist_train.npz and mnist_t10k.npz (u8 `images` [N,28,28], `labels` [N]).
5,000 training images are held out (seeded); the weights written are those of the epoch, plain or
averaged (EMA), that do best on them. The 10,000 test images are scored once, at the very end.
"""
import argparse
import copy
import json
import math
import os
import random
import time
from collections import OrderedDict

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn

GROWTH, LAYERS, STEM, BOTTLENECK, EPS = 10, (3, 4, 4), 24, 4, 1e-5
MEAN, STD = 0.1307, 0.3081


def bn(channels):
    return nn.BatchNorm2d(channels, eps=EPS)


def conv(cin, cout, k, stride=1):
    return nn.Conv2d(cin, cout, k, stride, k // 2, bias=False)


class DenseLayer(nn.Module):
    def __init__(self, cin):
        super().__init__()
        self.norm1, self.conv1 = bn(cin), conv(cin, BOTTLENECK * GROWTH, 1)
        self.norm2, self.conv2 = bn(BOTTLENECK * GROWTH), conv(BOTTLENECK * GROWTH, GROWTH, 3)

    def forward(self, x):
        y = self.conv1(F.relu(self.norm1(x)))
        return torch.cat([x, self.conv2(F.relu(self.norm2(y)))], 1)


class Transition(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.norm, self.conv = bn(cin), conv(cin, cout, 1)

    def forward(self, x):
        return F.avg_pool2d(self.conv(F.relu(self.norm(x))), 2, 2)


class DenseNet(nn.Module):
    """torchvision's parameter names; 3x3 stride 2 stem without a pool."""

    def __init__(self):
        super().__init__()
        f = OrderedDict(conv0=conv(1, STEM, 3, 2), norm0=bn(STEM), relu0=nn.ReLU())
        c, self.transition_channels = STEM, []
        for b, n in enumerate(LAYERS, 1):
            block = OrderedDict()
            for i in range(1, n + 1):
                block[f"denselayer{i}"] = DenseLayer(c)
                c += GROWTH
            f[f"denseblock{b}"] = nn.Sequential(block)
            if b < len(LAYERS):
                f[f"transition{b}"] = Transition(c, c // 2)
                c //= 2
                self.transition_channels.append(c)
        f["norm5"] = bn(c)
        self.features = nn.Sequential(f)
        self.classifier = nn.Linear(c, 10)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, x):
        return self.classifier(F.relu(self.features(x)).mean((2, 3)))


def load(path):
    with np.load(path) as z:
        x = torch.from_numpy(z["images"].astype(np.float32))[:, None]
        return (x / 255 - MEAN) / STD, torch.from_numpy(z["labels"].astype(np.int64))


def augment(x, gen):
    """Rotation +-12 degrees, scale +-12 % (each axis), shear +-0.2, shift +-2 px: one affine warp per image."""
    r = torch.rand(6, len(x), generator=gen) * 2 - 1
    angle, shear = r[0] * math.radians(12), r[1] * 0.2
    sx, sy = 1 + 0.12 * r[2], 1 + 0.12 * r[3]
    cos, sin = angle.cos(), angle.sin()
    rows = [cos * sx, (cos * shear - sin) * sy, r[4] * 4 / 28, sin * sx, (sin * shear + cos) * sy, r[5] * 4 / 28]
    grid = F.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), x.shape, align_corners=False)
    black = -MEAN / STD  # shifted so that zeros from outside the image are background
    return F.grid_sample(x - black, grid, align_corners=False) + black


@torch.no_grad()
def score(model, x, y):
    """Number of correct answers and mean cross-entropy, in inference mode."""
    model.eval()
    logits = torch.cat([model(b) for b in x.split(500)])
    model.train()
    return int((logits.argmax(1) == y).sum()), float(F.cross_entropy(logits, y))


@torch.no_grad()
def average(ema, model, decay):
    """ema += (model - ema) * (1 - decay), batch norm statistics included."""
    pairs = zip(ema.state_dict().values(), model.state_dict().values())
    mine, theirs = zip(*((a, b) for a, b in pairs if a.is_floating_point()))
    torch._foreach_lerp_(mine, theirs, 1 - decay)


def save(model, transition_channels, path):
    arch = {
        "name": "densenet-bc-mnist", "input_channels": 1,
        "stem": {"channels": STEM, "kernel": 3, "stride": 2,
                 "padding": {"explicit": {"top": 1, "left": 1, "bottom": 1, "right": 1}},
                 "norm": True, "pool": None},
        "growth_rate": GROWTH, "layers": list(LAYERS), "bottleneck": BOTTLENECK * GROWTH,
        "transition_channels": transition_channels, "eps": EPS, "dropout": 0.0,
        "classes": 10, "activation": "softmax",
    }
    meta = {"format": "pt", "densenet.preset": "mnist",
            "densenet.architecture": json.dumps(arch, separators=(",", ":")),
            "densenet.labels": json.dumps([str(i) for i in range(10)])}
    tensors = {k: v.float().contiguous() for k, v in model.state_dict().items() if "num_batches" not in k}
    save_file(tensors, path, meta)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True, help="folder of the two npz files")
    p.add_argument("--out", default="models/mnist.safetensors")
    p.add_argument("--epochs", type=int, default=32, help="0: only score --out on the test images")
    p.add_argument("--minutes", type=float, default=1e9, help="shorten the schedule to end within this time")
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--lr", type=float, default=6e-3, help="peak of the one-cycle schedule")
    p.add_argument("--weight-decay", type=float, default=0.02)
    p.add_argument("--ema", type=float, default=0.998)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=1, help="1 is as fast as 2 here, and steadier")
    p.add_argument("--bf16", action="store_true", help="train under bfloat16 autocast; scoring stays f32")
    p.add_argument("--no-test", action="store_true", help="a trial run: do not touch the test images")
    p.add_argument("--bench", type=int, default=0, help="time this many steps and stop")
    a = p.parse_args()

    torch.set_num_threads(a.threads)
    random.seed(a.seed), np.random.seed(a.seed), torch.manual_seed(a.seed)
    gen = torch.Generator().manual_seed(a.seed)

    x, y = load(os.path.join(a.data, "mnist_train.npz"))
    split = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    xv, yv, x, y = x[split[:5000]], y[split[:5000]], x[split[5000:]], y[split[5000:]]

    model = DenseNet().to(memory_format=torch.channels_last)  # a third faster on a CPU
    ema = copy.deepcopy(model)
    count = sum(q.numel() for q in model.parameters())
    steps = len(x) // a.batch
    print(f"DenseNet-BC growth {GROWTH} layers {LAYERS} stem {STEM}: {count} parameters", flush=True)
    print(f"torch {torch.__version__}, {len(x)} train, {len(xv)} validation, batch {a.batch}, {a.epochs} epochs, "
          f"AdamW lr {a.lr} wd {a.weight_decay}, ema {a.ema}, "
          f"seed {a.seed}, {'bf16' if a.bf16 else 'f32'}, {a.threads} thread(s)", flush=True)

    decay = [q for q in model.parameters() if q.ndim > 1]
    rest = [q for q in model.parameters() if q.ndim <= 1]
    opt = torch.optim.AdamW([{"params": decay, "weight_decay": a.weight_decay},
                             {"params": rest, "weight_decay": 0.0}], lr=a.lr, foreach=True)
    start, done, total, best = time.time(), 0.0, a.epochs * steps, None
    step = 0
    for epoch in range(1, a.epochs + 1):
        order, loss_sum, n = torch.randperm(len(x), generator=gen), 0.0, 0
        for idx in order[: steps * a.batch].split(a.batch):
            done = max(step / total, (time.time() - start) / (60 * a.minutes))
            if done >= 1:
                break
            warm = min(1.0, done / 0.15)
            rate = warm if warm < 1 else 0.5 * (1 + math.cos(math.pi * (done - 0.15) / 0.85))
            for g in opt.param_groups:
                g["lr"] = a.lr * max(rate, 0.002)
            xb = augment(x[idx], gen).contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16, enabled=a.bf16):
                logits = model(xb)
            loss = F.cross_entropy(logits.float(), y[idx], label_smoothing=0.05)
            opt.zero_grad(set_to_none=True)
            loss.backward()
            opt.step()
            step += 1
            average(ema, model, min(a.ema, step / (step + 10)))
            loss_sum, n = loss_sum + loss.item(), n + 1
            if a.bench and step == 10:
                t10 = time.time()
            if a.bench and step == a.bench:
                ms = (time.time() - t10) / (a.bench - 10) * 1000
                return print(f"{ms:.1f} ms a step, {ms * steps / 1000:.0f} s an epoch")
        if n == 0:
            break
        line = f"epoch {epoch:2d} loss {loss_sum / n:.4f}"
        for kind, m in (("last", model), ("ema", ema)):
            right, ce = score(m, xv, yv)
            line += f"  {kind} {right / len(xv):.2%} (ce {ce:.4f})"
            if best is None or (right, -ce) > best[:2]:
                best = (right, -ce, epoch, kind)
                save(m, model.transition_channels, a.out)
        print(f"{line}  {time.time() - start:.0f} s", flush=True)

    if best:
        print(f"chosen on validation: epoch {best[2]}, {best[3]} weights, {best[0] / len(xv):.2%}", flush=True)
    if a.no_test:
        return
    chosen = DenseNet()
    missing = chosen.load_state_dict(load_file(a.out), strict=False)
    assert not missing.unexpected_keys and all("num_batches" in k for k in missing.missing_keys), missing
    xt, yt = load(os.path.join(a.data, "mnist_t10k.npz"))
    right, ce = score(chosen, xt, yt)
    print(f"test: {right} of {len(xt)} right, {right / len(xt):.2%} (ce {ce:.4f}); "
          f"file {os.path.getsize(a.out)} bytes")


if __name__ == "__main__":
    main()

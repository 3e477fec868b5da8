"""DenseNets as strangers write them: names, nesting and the order of modules are their own.

Each has convolutions without bias and batch norms before them, as the paper; what differs is how modules are called and
kept, which one is registered first, and where new channels go.
"""

import torch
from torch import nn
from torch.nn import functional as F


def conv(channels, output, kernel):
    """A convolution that keeps the size."""
    return nn.Conv2d(channels, output, kernel, padding=kernel // 2, bias=False)


def pooled(x):
    """The mean of each channel."""
    return x.mean((2, 3))


class Staged(nn.Module):
    """The classifier first; in each stage the way down before the layers."""

    class Layer(nn.Module):
        def __init__(self, channels, growth):
            super().__init__()
            self.squeeze, self.grow = conv(channels, 4 * growth, 1), conv(4 * growth, growth, 3)
            self.norm_b, self.norm_a = nn.BatchNorm2d(4 * growth), nn.BatchNorm2d(channels)

        def forward(self, x):
            new = self.grow(F.relu(self.norm_b(self.squeeze(F.relu(self.norm_a(x))))))
            return torch.cat([x, new], 1)

    class Stage(nn.Module):
        def __init__(self, channels, growth, count, output):
            super().__init__()
            end = channels + growth * count
            if output is not None:
                self.down = nn.ModuleDict({"proj": conv(end, output, 1), "bn": nn.BatchNorm2d(end)})
            self.units = nn.ModuleList(Staged.Layer(channels + growth * i, growth) for i in range(count))

        def forward(self, x):
            for unit in self.units:
                x = unit(x)
            if hasattr(self, "down"):
                x = F.avg_pool2d(self.down["proj"](F.relu(self.down["bn"](x))), 2)
            return x

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(18, 6)
        self.last_bn = nn.BatchNorm2d(18)
        self.stages = nn.ModuleList([self.Stage(8, 3, 3, 10), self.Stage(10, 3, 2, 9), self.Stage(9, 3, 3, None)])
        self.entry = nn.Sequential(nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1))

    def forward(self, x):
        x = self.entry(x)
        for stage in self.stages:
            x = stage(x)
        return self.fc(pooled(F.relu(self.last_bn(x))))


class Flat(nn.Module):
    """Dense layers and transitions in one list: `layers.3.bn1`."""

    class Layer(nn.Module):
        def __init__(self, channels, growth):
            super().__init__()
            self.bn1, self.conv1 = nn.BatchNorm2d(channels), conv(channels, 2 * growth, 1)
            self.bn2, self.conv2 = nn.BatchNorm2d(2 * growth), conv(2 * growth, growth, 3)

        def forward(self, x):
            return torch.cat([x, self.conv2(F.relu(self.bn2(self.conv1(F.relu(self.bn1(x))))))], 1)

    class Down(nn.Module):
        def __init__(self, channels, output):
            super().__init__()
            self.bn1, self.conv1 = nn.BatchNorm2d(channels), conv(channels, output, 1)

        def forward(self, x):
            return F.avg_pool2d(self.conv1(F.relu(self.bn1(x))), 2)

    def __init__(self):
        super().__init__()
        dense = lambda channels, count: [self.Layer(channels + 4 * i, 4) for i in range(count)]
        self.layers = nn.ModuleList(dense(12, 3) + [self.Down(24, 12)] + dense(12, 2) + [self.Down(20, 12)] + dense(12, 3))
        self.conv1, self.bn, self.linear = conv(3, 12, 3), nn.BatchNorm2d(24), nn.Linear(24, 10)

    def forward(self, x):
        x = self.conv1(x)
        for layer in self.layers:
            x = layer(x)
        return self.linear(pooled(F.relu(self.bn(x))))


class Plain(nn.Module):
    """No bottleneck, Sequentials by place: `block.0.conv.2`; widths stay in the transitions."""

    class Block(nn.ModuleList):
        def __init__(self, channels, growth, count):
            super().__init__()
            for i in range(count):
                wide = channels + growth * i
                layer = nn.Module()
                layer.conv = nn.Sequential(nn.BatchNorm2d(wide), nn.ReLU(), conv(wide, growth, 3), nn.Dropout(0.2))
                self.append(layer)

        def forward(self, x):
            for layer in self:
                x = torch.cat((x, layer.conv(x)), dim=1)
            return x

    def __init__(self):
        super().__init__()
        transition = lambda c: nn.Sequential(nn.BatchNorm2d(c), nn.ReLU(), conv(c, c, 1), nn.AvgPool2d(2))
        self.trans1, self.trans2 = transition(17), transition(26)
        self.block = nn.ModuleList([self.Block(8, 3, 3), self.Block(17, 3, 3), self.Block(26, 3, 1)])
        self.head_norm = nn.BatchNorm2d(29)
        self.classify = nn.Linear(29, 10)
        self.stem = conv(3, 8, 3)

    def forward(self, x):
        x = self.trans1(self.block[0](self.stem(x)))
        x = self.block[2](self.trans2(self.block[1](x)))
        return self.classify(pooled(F.relu(self.head_norm(x))))


class NewFirst(nn.Module):
    """`dense1.2.bn1`, `trans1.conv`, and new channels before the old ones."""

    class Bottleneck(nn.Module):
        def __init__(self, channels, growth):
            super().__init__()
            self.bn1, self.conv1 = nn.BatchNorm2d(channels), conv(channels, 4 * growth, 1)
            self.bn2, self.conv2 = nn.BatchNorm2d(4 * growth), conv(4 * growth, growth, 3)

        def forward(self, x):
            return torch.cat([self.conv2(F.relu(self.bn2(self.conv1(F.relu(self.bn1(x)))))), x], 1)

    class Transition(nn.Module):
        def __init__(self, channels, output):
            super().__init__()
            self.bn, self.conv = nn.BatchNorm2d(channels), conv(channels, output, 1)

        def forward(self, x):
            return F.avg_pool2d(self.conv(F.relu(self.bn(x))), 2)

    def __init__(self):
        super().__init__()
        dense = lambda channels, count: nn.Sequential(*(self.Bottleneck(channels + 3 * i, 3) for i in range(count)))
        self.conv1 = conv(3, 8, 3)
        self.dense1, self.trans1 = dense(8, 3), self.Transition(17, 9)
        self.dense2, self.trans2 = dense(9, 2), self.Transition(15, 8)
        self.dense3, self.bn, self.linear = dense(8, 3), nn.BatchNorm2d(17), nn.Linear(17, 10)

    def forward(self, x):
        x = self.trans2(self.dense2(self.trans1(self.dense1(self.conv1(x)))))
        return self.linear(pooled(F.relu(self.bn(self.dense3(x)))))


class Lists(nn.Module):
    """A list for each kind of module, indexed in `forward`; underscores in place of nesting elsewhere."""

    COUNTS, GROWTH, WIDTHS = [2, 3], 4, [8, 8]

    def __init__(self):
        super().__init__()
        starts = [s + self.GROWTH * i for s, n in zip(self.WIDTHS, self.COUNTS) for i in range(n)]
        wide = 3 * self.GROWTH
        self.conv_b = nn.ModuleList(conv(wide, self.GROWTH, 3) for _ in starts)
        self.conv_a = nn.ModuleList(conv(start, wide, 1) for start in starts)
        self.norm_b = nn.ModuleList(nn.BatchNorm2d(wide) for _ in starts)
        self.norm_a = nn.ModuleList(nn.BatchNorm2d(start) for start in starts)
        self.shrink_norm, self.shrink_conv = nn.BatchNorm2d(16), conv(16, 8, 1)
        self.out_norm, self.out = nn.BatchNorm2d(20), nn.Linear(20, 7)
        self.in_conv = conv(3, 8, 5)

    def forward(self, x):
        x, at = self.in_conv(x), 0
        for block, count in enumerate(self.COUNTS):
            for _ in range(count):
                new = self.conv_a[at](F.relu(self.norm_a[at](x)))
                x = torch.cat([x, self.conv_b[at](F.relu(self.norm_b[at](new)))], 1)
                at += 1
            if block == 0:
                x = F.avg_pool2d(self.shrink_conv(F.relu(self.shrink_norm(x))), 2)
        return self.out(pooled(F.relu(self.out_norm(x))))


class Alike(nn.Module):
    """Two readings: each layer's norms have as many channels, and their names say nothing."""

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.here, self.there = nn.BatchNorm2d(16), nn.BatchNorm2d(16)
            self.squeeze, self.grow = conv(16, 16, 1), conv(16, 4, 3)

        def forward(self, x):
            return torch.cat([x, self.grow(F.relu(self.there(self.squeeze(F.relu(self.here(x))))))], 1)

    def __init__(self):
        super().__init__()
        self.begin, self.left, self.right = conv(3, 16, 3), self.Layer(), self.Layer()
        self.down, self.end, self.out = conv(20, 16, 1), nn.BatchNorm2d(20), nn.Linear(20, 5)
        self.middle = nn.BatchNorm2d(20)

    def forward(self, x):
        x = F.avg_pool2d(self.down(F.relu(self.middle(self.left(self.begin(x))))), 2)
        return self.out(pooled(F.relu(self.end(self.right(x)))))

"""Residual networks, 18 to 101 layers: every block learns what to add to its input.

                 output stride   18, 34     50, 101      blocks of 18 / 34 / 50 / 101
    stem               4           64          64
    layer1  C2         4           64         256          2 / 3 / 3 / 3
    layer2  C3         8          128         512          2 / 4 / 4 / 4
    layer3  C4        16          256        1024          2 / 6 / 6 / 23
    layer4  C5        32          512        2048          2 / 3 / 3 / 3

He et al., 2016. Names of the parameters as in torchvision, so that its weights fit. As there, and
unlike the paper, the 3x3 convolution of a bottleneck has the stride, not the first 1x1: it then
skips no pixel.
"""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.functional import relu

from edudet.nn.frozen_batch_norm import convolve

Norm = Callable[[int], nn.Module]


class BasicBlock(nn.Module):
    """x + two 3x3 convolutions of x."""

    expansion = 1

    def __init__(self, in_channels: int, channels: int, stride: int, norm: Norm):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.bn1 = norm(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = norm(channels)
        self.downsample = shortcut(in_channels, channels, stride, norm)

    def forward(self, x: Tensor) -> Tensor:
        y = relu(convolve(self.conv1, self.bn1, x), inplace=True)
        y = convolve(self.conv2, self.bn2, y)
        if self.downsample is not None:
            x = convolve(self.downsample[0], self.downsample[1], x)
        y += x
        return relu(y, inplace=True)


class Bottleneck(nn.Module):
    """x + a 3x3 convolution between two 1x1 ones, which shrink the channels and restore them."""

    expansion = 4

    def __init__(self, in_channels: int, channels: int, stride: int, norm: Norm):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = norm(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, 1, bias=False)
        self.bn2 = norm(channels)
        self.conv3 = nn.Conv2d(channels, 4 * channels, 1, bias=False)
        self.bn3 = norm(4 * channels)
        self.downsample = shortcut(in_channels, 4 * channels, stride, norm)

    def forward(self, x: Tensor) -> Tensor:
        y = relu(convolve(self.conv1, self.bn1, x), inplace=True)
        y = relu(convolve(self.conv2, self.bn2, y), inplace=True)
        y = convolve(self.conv3, self.bn3, y)
        if self.downsample is not None:
            x = convolve(self.downsample[0], self.downsample[1], x)
        y += x
        return relu(y, inplace=True)


def shortcut(in_channels: int, channels: int, stride: int, norm: Norm) -> nn.Sequential | None:
    """What makes the input fit for the sum, where the block changes its shape."""
    if stride == 1 and in_channels == channels:
        return None
    return nn.Sequential(nn.Conv2d(in_channels, channels, 1, stride, bias=False), norm(channels))


DEPTHS: dict[int, tuple[type[BasicBlock] | type[Bottleneck], tuple[int, int, int, int]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
}


class ResNet(nn.Module):
    """A backbone: image -> [C2, C3, C4, C5], the maps of stride 4, 8, 16, 32.

    Args:
        depth: 18, 34, 50 or 101.
        norm: makes the normalisation of so many channels: `nn.BatchNorm2d`, `FrozenBatchNorm2d`.

    `out_channels`: the channels of the four maps. `strides`: (4, 8, 16, 32).

    Raises:
        ValueError: another depth.
    """

    strides = (4, 8, 16, 32)

    def __init__(self, depth: int = 50, norm: Norm = nn.BatchNorm2d):
        super().__init__()
        if depth not in DEPTHS:
            raise ValueError(f"ResNet: depth must be one of {list(DEPTHS)}, got {depth!r}")
        block, counts = DEPTHS[depth]
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = norm(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.out_channels = tuple(c * block.expansion for c in (64, 128, 256, 512))
        self.layer1 = _stage(block, counts[0], 64, 64, 1, norm)
        self.layer2 = _stage(block, counts[1], self.out_channels[0], 128, 2, norm)
        self.layer3 = _stage(block, counts[2], self.out_channels[1], 256, 2, norm)
        self.layer4 = _stage(block, counts[3], self.out_channels[2], 512, 2, norm)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> list[Tensor]:
        x = relu(convolve(self.conv1, self.bn1, images), inplace=True)     # (N, 64, H/2, W/2)
        x = self.maxpool(x)                                                # (N, 64, H/4, W/4)
        maps = []
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
            maps.append(x)
        return maps

    def train_last(self, layers: int) -> None:
        """Train only the last `layers` of stem, layer1, ..., layer4 (0 to 5); fix the others."""
        if layers not in range(6):
            raise ValueError(f"ResNet.train_last: layers must be 0 to 5, got {layers!r}")
        parts = [self.layer4, self.layer3, self.layer2, self.layer1, self.conv1, self.bn1]
        trained = parts[:layers] if layers < 5 else parts
        for part in parts:
            part.requires_grad_(any(part is one for one in trained))


def _stage(
    block: type[BasicBlock] | type[Bottleneck], count: int, in_channels: int, channels: int,
    stride: int, norm: Norm,
) -> nn.Sequential:
    blocks = [block(in_channels, channels, stride, norm)]
    wide = channels * block.expansion
    return nn.Sequential(*blocks, *(block(wide, channels, 1, norm) for _ in range(count - 1)))

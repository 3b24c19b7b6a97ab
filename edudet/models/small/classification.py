"""One class for an image, learnt from nothing on a laptop in a minute.

No paper of its own: `Classifier` is what every network of classes ends in, and the configurations
say of which parts.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from edudet.nn.classifier import Classifier
from edudet.nn.small import group_norm

FEATURES = 128


class InkOnPaper(nn.Module):
    """Pictures of one sign each, of any size -> (N, 1, height, width): paper 0, the ink 1 at most.

    Colours are forgotten, and so is whether ink or paper is the brighter one: paper is what the rim
    shows. Each cell is the mean of its pixels, as in the scans.
    """

    def __init__(self, size: Sequence[int]):
        super().__init__()
        self.size = (size[0], size[1])

    def forward(self, images: Sequence[Tensor]) -> Tensor:
        grey = [adaptive_avg_pool2d(image.mean(0, keepdim=True), self.size) for image in images]
        x = torch.stack(list(grey))                                        # (N, 1, h, w)
        rim = torch.cat([x[..., 0], x[..., -1], x[..., 0, :], x[..., -1, :]], -1)
        x = x - rim.mean(-1)[..., None, None]
        x = x * x.mean((2, 3), keepdim=True).sign()
        return x / x.abs().amax((2, 3), keepdim=True).clamp(min=1e-3)


def digit_net(num_classes: int, size: Sequence[int]) -> Classifier:
    """Five convolutions for scans of 8 x 8 cells; any other picture is brought to `size`."""

    def block(inside: int, outside: int, stride: int = 1) -> list[nn.Module]:
        conv = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        return [conv, group_norm(outside), nn.ReLU()]

    backbone = nn.Sequential(
        *block(1, 32), *block(32, 64), *block(64, 64, 2), *block(64, FEATURES),
        *block(FEATURES, FEATURES), nn.Dropout(0.25),
    )  # fmt: skip
    return Classifier(InkOnPaper(size), backbone, FEATURES, num_classes)

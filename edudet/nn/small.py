"""A backbone that learns from nothing on a laptop in minutes: residual, 0.9 million weights.

    stem     stride 2    32 channels   3x3
    stage 1         4    48            a residual block
    stage 2         8    96            two
    stage 3        16   128            two

A tenth of ResNet-18, for pictures of some 128 pixels. Group normalisation (Wu and He, 2018) in
place of batch normalisation: the result of an image does not depend on its neighbours in the
batch, and two processes with half a batch each learn what one learns with the whole.
"""

from torch import Tensor, nn
from torch.nn.functional import relu

from edudet.nn.resnet import BasicBlock


def group_norm(channels: int) -> nn.Module:
    return nn.GroupNorm(channels // 16, channels)


class SmallNet(nn.Module):
    """Image (N, 3, H, W) -> the maps of stride 4, 8 and 16.

    channels: of the stem and of the stages, multiples of 16.
    """

    out_channels: tuple[int, int, int] = (48, 96, 128)
    strides = (4, 8, 16)

    def __init__(self, channels: tuple[int, int, int, int] = (32, *out_channels)) -> None:
        super().__init__()
        stem, first, second, third = channels
        self.out_channels = (first, second, third)
        self.stem = nn.Conv2d(3, stem, 3, 2, 1, bias=False)
        self.norm = group_norm(stem)
        self.stage1 = BasicBlock(stem, first, 2, group_norm)
        self.stage2 = nn.Sequential(
            BasicBlock(first, second, 2, group_norm), BasicBlock(second, second, 1, group_norm)
        )
        self.stage3 = nn.Sequential(
            BasicBlock(second, third, 2, group_norm), BasicBlock(third, third, 1, group_norm)
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> list[Tensor]:
        x = relu(self.norm(self.stem(images)))                             # (N, 32, H/2, W/2)
        maps = []
        for stage in (self.stage1, self.stage2, self.stage3):
            x = stage(x)
            maps.append(x)
        return maps

"""The head of masks and of keypoints: a few convolutions that keep the size of the RoI."""

from collections.abc import Sequence

from torch import nn


class ConvHead(nn.Sequential):
    """3x3 convolutions, each followed by a ReLU; `layers` are their channels."""

    def __init__(self, in_channels: int, layers: Sequence[int]):
        parts: list[nn.Module] = []
        for channels in layers:
            parts += [nn.Conv2d(in_channels, channels, 3, padding=1), nn.ReLU()]
            in_channels = channels
        super().__init__(*parts)
        for part in parts:
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(part.bias)  # type: ignore[arg-type]

"""The head of masks and of keypoints: a few convolutions that keep the size of the RoI."""

from collections.abc import Sequence

from torch import nn


class ConvHead(nn.Sequential):
    """3x3 convolutions, each followed by a ReLU.

    Args:
        in_channels: of the RoI's features.
        layers: channels of each convolution.
        dilation: of each convolution; None: 1. With 2, 4, 1 a bin of 14 x 14 sees seven bins to
            each side: nearly the whole RoI.
    """

    def __init__(
        self, in_channels: int, layers: Sequence[int], dilation: Sequence[int] | None = None
    ):
        parts: list[nn.Module] = []
        for channels, d in zip(layers, dilation or (1,) * len(layers), strict=True):
            parts += [nn.Conv2d(in_channels, channels, 3, padding=d, dilation=d), nn.ReLU()]
            in_channels = channels
        super().__init__(*parts)
        for part in parts:
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(part.bias)  # type: ignore[arg-type]

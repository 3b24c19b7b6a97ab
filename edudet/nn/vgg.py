"""VGG-16: thirteen 3x3 convolutions in five blocks, each block at half the size of the one before.

    block    1    2    3    4    5
    convolutions 2    2    3    3    3
    channels    64  128  256  512  512
    stride       1    2    4    8   16

Simonyan and Zisserman, 2015. The backbone of Fast and Faster R-CNN in their papers, which pool RoIs
from the last map, of stride 16 (the pooling behind block 5 is left out), and take the two fully
connected layers, 89 % of all weights, for their heads. Names of the parameters as in torchvision.
"""

from torch import Tensor, nn

BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))


class VGG16(nn.Module):
    """A backbone: image -> the maps of stride 4, 8 and 16.

    Args:
        batch_norm: normalise behind each convolution (torchvision's vgg16_bn); from nothing, the
            plain network hardly learns.
    """

    out_channels = (256, 512, 512)
    strides = (4, 8, 16)

    def __init__(self, batch_norm: bool = False):
        super().__init__()
        layers: list[nn.Module] = []
        self.ends, in_channels = [], 3
        for number, channels in BLOCKS:
            for _ in range(number):
                layers.append(nn.Conv2d(in_channels, channels, 3, padding=1))
                layers += [nn.BatchNorm2d(channels)] if batch_norm else []
                layers.append(nn.ReLU())
                in_channels = channels
            self.ends.append(len(layers))
            layers.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*layers[:-1])
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> list[Tensor]:
        x, maps = images, []
        for number, layer in enumerate(self.features, 1):
            x = layer(x)
            if number in self.ends[2:]:
                maps.append(x)  # (N, C, H / 4, W / 4) and smaller
        return maps

"""VGG-16: torchvision's, with its names."""

import pytest
import torch
from models.calibrated import torchvision_detection
from torch.testing import assert_close

from edudet.nn.fpn import PyramidBackbone
from edudet.nn.vgg import VGG16


def test_maps_have_their_strides_and_channels():
    with torch.device("meta"):
        net = VGG16()
        maps = net(torch.empty(2, 3, 64, 96))
        pyramid = PyramidBackbone(net, 64, extra_level=False)
    assert [tuple(one.shape) for one in maps] == [
        (2, c, 64 // s, 96 // s) for c, s in zip(net.out_channels, net.strides, strict=True)
    ]
    assert sum(p.numel() for p in net.parameters()) == 14_714_688  # of the paper's 138 million
    assert pyramid.strides == (4, 8, 16)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_maps_are_those_of_torchvision(batch_norm):
    torchvision_detection()
    import torchvision.models

    torch.manual_seed(0)
    theirs = getattr(torchvision.models, "vgg16_bn" if batch_norm else "vgg16")().features.double()
    ours = VGG16(batch_norm).double().eval()
    ours.features.load_state_dict(theirs.state_dict())
    images = torch.rand(1, 3, 32, 48, dtype=torch.float64)
    x, before_pooling = images, []
    with torch.no_grad():
        for layer in theirs.eval():
            if isinstance(layer, torch.nn.MaxPool2d):
                before_pooling.append(x.clone())
            x = layer(x)
        for one, other in zip(ours(images), before_pooling[2:], strict=True):
            assert_close(one, other, rtol=1e-10, atol=1e-10)


def test_a_gradient_reaches_the_first_layer():
    net = VGG16()
    sum(one.mean() for one in net(torch.rand(1, 3, 32, 32))).backward()
    assert net.features[0].weight.grad.abs().sum() > 0

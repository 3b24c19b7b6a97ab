"""Residual networks: torchvision's, layer by layer, with its names."""

import pytest
import torch
from models.calibrated import torchvision_detection
from torch import nn
from torch.testing import assert_close

from edudet.nn.frozen_batch_norm import FrozenBatchNorm2d
from edudet.nn.resnet import ResNet


@pytest.mark.parametrize("depth", [18, 50])
def test_maps_have_their_strides_and_channels(depth):
    with torch.device("meta"):
        net = ResNet(depth)
        maps = net(torch.empty(2, 3, 64, 96))
    assert net.strides == (4, 8, 16, 32)
    assert [tuple(one.shape) for one in maps] == [
        (2, c, 64 // s, 96 // s) for c, s in zip(net.out_channels, net.strides, strict=True)
    ]
    assert net.out_channels == ((64, 128, 256, 512) if depth == 18 else (256, 512, 1024, 2048))


@pytest.mark.parametrize("depth", [18, 34, 50, 101])
def test_parameters_are_those_of_torchvision(depth):
    torchvision_detection()
    import torchvision.models

    with torch.device("meta"):
        theirs = getattr(torchvision.models, f"resnet{depth}")()
        ours = ResNet(depth)
    expected = {k: v.shape for k, v in theirs.state_dict().items() if not k.startswith("fc.")}
    assert {k: v.shape for k, v in ours.state_dict().items()} == expected


@pytest.mark.parametrize("depth", [18, 50])
@pytest.mark.parametrize("frozen", [False, True])
def test_maps_are_those_of_torchvision(depth, frozen):
    torchvision_detection()
    import torchvision.models
    from torchvision.models._utils import IntermediateLayerGetter

    torch.manual_seed(0)
    theirs = getattr(torchvision.models, f"resnet{depth}")().double()
    for layer in theirs.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for tensor in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
                tensor.data.uniform_(0.3, 0.9)
    ours = ResNet(depth, FrozenBatchNorm2d if frozen else nn.BatchNorm2d).double().eval()
    weights = {k: v for k, v in theirs.state_dict().items() if not k.startswith("fc.")}
    if frozen:
        weights = {k: v for k, v in weights.items() if "num_batches" not in k}
    ours.load_state_dict(weights)
    layers = {f"layer{i}": str(i) for i in (1, 2, 3, 4)}
    images = torch.rand(2, 3, 40, 72, dtype=torch.float64)
    with torch.no_grad():
        expected = list(IntermediateLayerGetter(theirs.eval(), layers)(images).values())
        for one, other in zip(ours(images), expected, strict=True):
            assert_close(one, other, rtol=1e-10, atol=1e-10)


def test_an_image_is_not_changed():
    images = torch.rand(1, 3, 32, 32)
    before = images.clone()
    ResNet(18).eval()(images)
    assert torch.equal(images, before)
    # Each map is what its layer said, although the next ones calculate in place.
    torch.manual_seed(0)
    net = ResNet(18).eval()
    said = []
    for layer in (net.layer1, net.layer2, net.layer3, net.layer4):
        layer.register_forward_hook(lambda _, inputs, output: said.append(output.clone()))
    maps = net(images)
    assert all(torch.equal(one, other) for one, other in zip(maps, said, strict=True))


@pytest.mark.parametrize("layers", [0, 1, 3, 4, 5])
def test_train_last(layers):
    net = ResNet(18)
    net.train_last(layers)
    order = ["layer4", "layer3", "layer2", "layer1", "conv1"]
    trained = {name.split(".")[0] for name, p in net.named_parameters() if p.requires_grad}
    assert trained == set(order[:layers]) | ({"bn1"} if layers == 5 else set())


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"depth must be one of \[18, 34, 50, 101\], got 19"):
        ResNet(19)
    with pytest.raises(ValueError, match="layers must be 0 to 5, got -1"):
        ResNet(18).train_last(-1)

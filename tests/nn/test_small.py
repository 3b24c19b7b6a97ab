import torch
from torch.testing import assert_close

from edudet.nn.small import SmallNet


def test_maps():
    net = SmallNet()
    maps = net(torch.rand(2, 3, 64, 96))
    assert [tuple(one.shape) for one in maps] == [
        (2, c, 64 // s, 96 // s) for c, s in zip(net.out_channels, net.strides, strict=True)
    ]
    assert 0.85e6 < sum(p.numel() for p in net.parameters()) < 0.95e6


def test_an_image_does_not_see_its_neighbours():
    net = SmallNet().double().train()
    images = torch.rand(3, 3, 32, 48, dtype=torch.float64)
    together = net(images)
    alone = [net(image[None]) for image in images]
    for level, one in enumerate(together):
        assert_close(torch.cat([maps[level] for maps in alone]), one, rtol=0, atol=1e-10)

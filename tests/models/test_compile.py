"""torch.compile takes a backbone as it is: one graph, the same maps, the same gradients."""

import pytest
import torch
from torch.testing import assert_close

from edudet.nn.fpn import PyramidBackbone
from edudet.nn.resnet import ResNet


@pytest.mark.slow  # a compiler runs for half a minute
def test_a_compiled_backbone_is_the_same():
    torch.manual_seed(0)
    backbone = PyramidBackbone(ResNet(18), 32)
    images = torch.rand(2, 3, 64, 96)
    results = []
    for form in (backbone, torch.compile(backbone, fullgraph=True)):
        backbone.zero_grad()
        maps = form(images)
        sum(one.square().mean() for one in maps).backward()
        gradients = [p.grad.clone() for p in backbone.parameters() if p.grad is not None]
        results.append((*maps, *gradients))
    ours, compiled = results
    assert len(ours) == len(compiled) > 60  # 5 maps, and the gradients of some 70 parameters
    for a, b in zip(ours, compiled, strict=True):
        assert_close(a, b, rtol=1e-3, atol=1e-4)

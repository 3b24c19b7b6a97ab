"""Soft-argmax of pose heatmaps. Goal: twice as fast as the expression in torch that one writes for
it (a softmax, times a grid of positions, summed), forward and with the backward pass."""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from benchmarks.measure import Work
from edudet.ops import soft_argmax2d
from edudet.ops.soft_argmax import soft_argmax_vectorized

# name: images, joints, height, width
SIZES = {
    "one map, 64 x 48": (1, 1, 64, 48),
    "32 x 17 maps, 64 x 48": (32, 17, 64, 48),
    "8 x 17 maps, 128 x 96": (8, 17, 128, 96),
    "one map, 1024 x 1024": (1, 1, 1024, 1024),
}


def in_torch(heatmaps: Tensor, beta: float = 1.0) -> Tensor:
    height, width = heatmaps.shape[-2:]
    weights = (beta * heatmaps.flatten(-2)).softmax(-1).unflatten(-1, (height, width))
    y = torch.arange(height, device=heatmaps.device) + 0.5
    x = torch.arange(width, device=heatmaps.device) + 0.5
    return torch.stack([(weights * x).sum((-1, -2)), (weights * y[:, None]).sum((-1, -2))], -1)


def works(device: str, peer) -> Iterator[Work]:
    forms = {"edudet": soft_argmax2d, "vectorised": soft_argmax_vectorized, "torch": in_torch}
    for name, shape in SIZES.items():
        maps = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(device)
        goal = 2.0 if shape[0] > 1 and device == "cpu" else None
        forward = {who: partial(form, maps, 2.0) for who, form in forms.items()}
        yield Work("soft_argmax", name, forward, goal)
        leaf = maps.clone().requires_grad_()
        both = {who: partial(_with_backward, form, leaf) for who, form in forms.items()}
        yield Work("soft_argmax with backward", name, both, goal)


def _with_backward(form, heatmaps: Tensor) -> Tensor:
    return torch.autograd.grad(form(heatmaps, 2.0).sum(), heatmaps)[0]

"""Transposed convolution beside torch, which calls oneDNN's hand-tuned kernels. Goal: at most three
times slower, in plain loops."""

from collections.abc import Iterator
from functools import partial

import torch
from torch.nn import functional as F

from benchmarks.measure import Work
from edudet.ops import conv_transpose2d

# name: images, channels, side, channels out, kernel, stride, padding
SIZES = {
    "8 x 64 x 32 x 32 to 64, kernel 4, stride 2": (8, 64, 32, 64, 4, 2, 1),
    "8 x 512 x 7 x 7 to 256, kernel 4, stride 2": (8, 512, 7, 256, 4, 2, 1),
    "1 x 256 x 50 x 50 to 256, kernel 3, stride 2": (1, 256, 50, 256, 3, 2, 1),
    "1 x 256 x 14 x 14 to 256, kernel 2, stride 2": (1, 256, 14, 256, 2, 2, 0),
    "1 x 21 x 32 x 32 to 21, kernel 16, stride 8": (1, 21, 32, 21, 16, 8, 4),
    "1 x 64 x 128 x 128 to 3, kernel 4, stride 2": (1, 64, 128, 3, 4, 2, 1),
}


def works(device: str, peer) -> Iterator[Work]:
    generator = torch.Generator().manual_seed(0)
    for name, (images, channels, side, out, kernel, stride, padding) in SIZES.items():
        input = torch.randn(images, channels, side, side, generator=generator).to(device)
        weight = torch.randn(channels, out, kernel, kernel, generator=generator).to(device)
        forms = {"edudet": conv_transpose2d, "torch": F.conv_transpose2d}
        args = input, weight, None, stride, padding
        forward = {who: partial(form, *args) for who, form in forms.items()}
        goal = 0.33 if device == "cpu" else None
        yield Work("conv_transpose", name, forward, goal)
        leaves = input.requires_grad_(), weight.requires_grad_()
        backward = {
            who: _backward(form(*leaves, None, stride, padding), leaves)
            for who, form in forms.items()
        }
        yield Work("conv_transpose backward", name, backward, goal)


def _backward(out: torch.Tensor, leaves: tuple[torch.Tensor, ...]):
    return partial(torch.autograd.grad, out, leaves, torch.ones_like(out), retain_graph=True)

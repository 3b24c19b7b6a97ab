"""Losses, forward and backward, one thread each. Goal: at most 1.2 times torchvision's time.

torch's own smooth L1 is one compiled loop each way, ours five operators: no goal there.
"""

from collections.abc import Callable, Iterator
from functools import partial

import torch

from benchmarks.inputs import image_like
from benchmarks.measure import Work
from edudet import losses

GOAL = 0.83  # times as fast as the peer: 1 / 1.2


def works(device: str, peer) -> Iterator[Work]:
    for n in (1000, 100_000):
        truth, _ = image_like(n, device=device)
        generator = torch.Generator().manual_seed(1)
        boxes = truth + torch.rand(n, 4, generator=generator).to(device) * torch.tensor(
            [-8.0, -8.0, 8.0, 8.0], device=device
        )
        for kind in ("generalized", "distance", "complete"):
            yield _work(f"{kind}_box_iou_loss", f"{n} boxes", boxes, truth, peer)
    for n in (1000, 100_000):
        generator = torch.Generator().manual_seed(2)
        logits = torch.randn(n, 10, generator=generator).to(device)
        labels = (torch.rand(n, 10, generator=generator) < 0.01).float().to(device)
        yield _work("sigmoid_focal_loss", f"{n} x 10 logits", logits, labels, peer)
        yield _work("smooth_l1_loss", f"{n} x 10", logits, labels, torch.nn.functional)


def _work(name: str, case: str, input: torch.Tensor, target: torch.Tensor, peer) -> Work:
    input = input.clone().requires_grad_()
    contestants = {"edudet": partial(_both_ways, getattr(losses, name), input, target)}
    if peer:
        other = "torch" if peer is torch.nn.functional else "torchvision"
        contestants[other] = partial(_both_ways, getattr(peer, name), input, target)
    goal = GOAL if peer and peer is not torch.nn.functional else None
    return Work(name, case, contestants, goal)


def _both_ways(loss: Callable, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return torch.autograd.grad(loss(input, target, reduction="sum"), input)[0]

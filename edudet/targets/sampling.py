"""A few of the anchors, so that the many negatives do not drown the positives.

An image has some ten positive anchors and more than ten thousand negative ones. A loss over all of
them is lowered best by saying "nothing" everywhere. So the loss looks at `size` anchors: half of
them positive at most, filled up with negatives, all drawn at random. Faster R-CNN (Ren et al.,
2015): 256, half. Its second stage (Fast R-CNN): 128 or 512 proposals, a quarter positive at most.

The same function twice: sample_balanced_loop (the definition) and sample_balanced_vectorized. With
the same generator they draw the same anchors.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from edudet import check


class Sample(NamedTuple):
    positive: Tensor  # (P,) int64: indices, in increasing order
    negative: Tensor  # (Q,) int64: indices, in increasing order


def sample_balanced(
    labels: Tensor, size: int = 256, positive_fraction: float = 0.5,
    generator: torch.Generator | None = None,
) -> Sample:
    """Draw anchors at random, positive and negative ones.

    Args:
        labels: (N,) integer; above 0 positive (a class will do), 0 negative, below 0 never drawn:
            `match_anchors`.
        size: how many in all, at most; 0 or more.
        positive_fraction: in [0, 1]; no more than this part of `size` is positive. Negatives take
            the places that positives leave; positives never take those of negatives.
        generator: fixes the draw. Without one: torch's own, of the device of `labels`.

    Returns:
        Sample(positive, negative): indices into `labels`. Every subset of a size is equally likely.

    Raises:
        TypeError: `labels` is not a tensor, `size` not a whole number, `generator` not a generator.
        ValueError: `labels` is not (N,) integer; `size` is negative; the fraction is out of range.
    """
    check.is_tensor("sample_balanced", labels=labels)
    if labels.ndim != 1:
        raise ValueError(
            f"sample_balanced: labels must have shape (N,), got {tuple(labels.shape)}"
        )
    check.dtype("sample_balanced", check.INTEGERS, labels=labels)
    check.is_int("sample_balanced", size=size)
    if size < 0:
        raise ValueError(f"sample_balanced: size must be at least 0, got {size}")
    check.unit_interval("sample_balanced", positive_fraction=positive_fraction)
    if generator is not None and not isinstance(generator, torch.Generator):
        raise TypeError(
            f"sample_balanced: generator must be a torch.Generator, got {type(generator).__name__}"
        )
    return sample_balanced_vectorized(labels, size, positive_fraction, generator)


def sample_balanced_loop(
    labels: Tensor, size: int = 256, positive_fraction: float = 0.5,
    generator: torch.Generator | None = None,
) -> Sample:
    positive = [i for i in range(len(labels)) if labels[i] > 0]
    negative = [i for i in range(len(labels)) if labels[i] == 0]
    num_positive = min(int(size * positive_fraction), len(positive))
    num_negative = min(size - num_positive, len(negative))
    drawn = []
    for candidates, number in ((positive, num_positive), (negative, num_negative)):
        order = _shuffled(len(candidates), labels, generator).tolist()
        chosen = sorted(candidates[place] for place in order[:number])
        drawn.append(torch.tensor(chosen, dtype=torch.int64, device=labels.device))
    return Sample(*drawn)


def _shuffled(number: int, labels: Tensor, generator: torch.Generator | None) -> Tensor:
    device = labels.device if generator is None else generator.device
    return torch.randperm(number, generator=generator, device=device).to(labels.device)


def sample_balanced_vectorized(
    labels: Tensor, size: int = 256, positive_fraction: float = 0.5,
    generator: torch.Generator | None = None,
) -> Sample:
    positive, negative = (labels > 0).nonzero()[:, 0], (labels == 0).nonzero()[:, 0]
    num_positive = min(int(size * positive_fraction), len(positive))
    num_negative = min(size - num_positive, len(negative))
    order = _shuffled(len(positive), labels, generator)[:num_positive]
    positive = positive[order].sort().values
    order = _shuffled(len(negative), labels, generator)[:num_negative]
    return Sample(positive, negative[order].sort().values)


IMPLEMENTATIONS = {"loop": sample_balanced_loop, "vectorized": sample_balanced_vectorized}

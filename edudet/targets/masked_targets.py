"""The targets of a region proposal network as one tensor Y, and a mask M of what counts.

For each anchor five numbers: is there an object, and dx, dy, dw, dh. But an anchor on background
has no box that it could be moved to, and an ignored anchor not even an answer to the first
question. So the loss is multiplied, entry by entry, by a mask:

    loss = sum_i M_i L(prediction_i, Y_i)

    anchor          Y                    M
    positive     1 dx dy dw dh       1 1 1 1 1
    negative     0  -  -  -  -       1 0 0 0 0
    ignored      -  -  -  -  -       0 0 0 0 0

A "-" may be anything; it is 0 here, since NaN times 0 is NaN. (The slide of this figure has the
names Y and M exchanged, a "-" lost, and dh before dw.)

The same function twice: masked_targets_loop (the definition) and masked_targets_vectorized.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from edudet import check


class MaskedTargets(NamedTuple):
    targets: Tensor  # (..., N, 5): Y
    mask: Tensor  # (..., N, 5): M, of 0 and 1


def masked_targets(labels: Tensor, deltas: Tensor) -> MaskedTargets:
    """Return Y and M of the masked loss.

    Args:
        labels: (..., N) integer; above 0 positive, 0 negative, below 0 ignored: `match_anchors`.
        deltas: (..., N, 4) float, same device; dx, dy, dw, dh: `edudet.boxes.encode_deltas`. Read
            for positive anchors only; those of the others may be NaN.

    Returns:
        MaskedTargets(targets, mask): (..., N, 5) of the dtype of `deltas`. Flattened over the last
        two dimensions they are the rows of the figure.

    Gradient:
        Flows to the deltas of positive anchors.

    Raises:
        TypeError: an argument is not a tensor.
        ValueError: shapes, dtypes or devices do not fit.
    """
    check.is_tensor("masked_targets", labels=labels)
    check.ends_in_4("masked_targets", deltas=deltas)
    check.dtype("masked_targets", check.INTEGERS, labels=labels)
    check.dtype("masked_targets", check.FLOATS, deltas=deltas)
    check.same_device("masked_targets", labels=labels, deltas=deltas)
    if labels.shape != deltas.shape[:-1]:
        raise ValueError(
            f"masked_targets: labels must have the shape of deltas without its last dimension, "
            f"{tuple(deltas.shape[:-1])}, got {tuple(labels.shape)}"
        )
    return masked_targets_vectorized(labels, deltas)


def masked_targets_loop(labels: Tensor, deltas: Tensor) -> MaskedTargets:
    mask = deltas.new_zeros(labels.numel(), 5)
    # The empty sum keeps `targets` in the graph: without positives a zero gradient, not None.
    targets = mask + deltas.reshape(-1)[:0].sum()
    for i, (label, row) in enumerate(zip(labels.flatten(), deltas.reshape(-1, 4), strict=True)):
        if label >= 0:
            mask[i, 0] = 1
        if label > 0:
            targets[i, 0] = 1
            for j in range(4):
                targets[i, 1 + j] = row[j]
                mask[i, 1 + j] = 1
    shape = (*labels.shape, 5)
    return MaskedTargets(targets.reshape(shape), mask.reshape(shape))


def masked_targets_vectorized(labels: Tensor, deltas: Tensor) -> MaskedTargets:
    positive = (labels > 0)[..., None]                                   # (..., N, 1)
    moves = torch.where(positive, deltas, 0)                             # (..., N, 4)
    targets = torch.cat([positive.to(deltas.dtype), moves], -1)          # (..., N, 5)
    mask = torch.cat([(labels >= 0)[..., None], positive.expand_as(deltas)], -1)
    return MaskedTargets(targets, mask.to(deltas.dtype))


IMPLEMENTATIONS = {"loop": masked_targets_loop, "vectorized": masked_targets_vectorized}

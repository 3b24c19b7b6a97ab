"""The four losses of Faster R-CNN, two for each stage.

    rpn_loss         objectness of the sampled anchors; boxes of the positive ones
    fast_rcnn_loss   classes of all RoIs; boxes of those that are no background

Boxes are compared only where there is one: "[u >= 1]" in Fast R-CNN (Girshick, 2015), p* in Faster
R-CNN (Ren et al., 2015). Each loss is one of `masked_loss`, divided by a count. Forms of each:
    _loop         anchor by anchor, RoI by RoI: the definition
    _vectorized   all at once
"""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from edudet import check
from edudet.losses.focal import check_class_labels, log_sigmoid
from edudet.losses.masked import masked_loss_vectorized
from edudet.losses.reduction import check_pair, widened
from edudet.losses.smooth_l1 import smooth_l1_loss


def rpn_loss(
    objectness: Tensor, deltas: Tensor, labels: Tensor, target_deltas: Tensor, beta: float = 1 / 9
) -> tuple[Tensor, Tensor]:
    """Return the two losses of a region proposal network: (objectness, boxes).

    Args:
        objectness: (A,) float; logits of the anchors.
        deltas: (A, 4) float; the predicted box of each anchor, coded.
        labels: (A,) int64; 1 object, 0 background, -1 not sampled.
        target_deltas: (A, 4) float; read only where the label is 1.
        beta: of smooth L1.

    Returns:
        Two tensors of shape (). Both sums are divided by the number of sampled anchors (by 1 if
        there is none), as torchvision does. The paper divides the second by the number of positions
        (about 2400) and weighs it 10: with 256 samples, that is nearly the same.

    Gradient:
        Flows to `objectness` (labels 0 and 1) and `deltas` (label 1); 0 elsewhere.

    Raises:
        TypeError: an argument is not a tensor, or `beta` not a number.
        ValueError: shapes, dtypes or devices do not fit; another label (on CUDA: counts as -1).
    """
    name = "rpn_loss"
    _check_boxes(name, labels, deltas=deltas, target_deltas=target_deltas)
    check_pair(name, "none", deltas=deltas, target_deltas=target_deltas)
    check.is_tensor(name, objectness=objectness)
    check.dtype(name, check.FLOATS, objectness=objectness)
    check.same_shape(name, labels=labels, objectness=objectness)
    check.same_device(name, labels=labels, deltas=deltas, objectness=objectness)
    check.not_negative(name, beta=beta)
    if check.can_look(labels):
        for i in ((labels < -1) | (labels > 1)).nonzero().flatten().tolist()[:1]:
            raise ValueError(f"{name}: labels[{i}] must be 1, 0 or -1, got {labels[i].item()}")
    return rpn_loss_vectorized(objectness, deltas, labels, target_deltas, beta)


def _check_boxes(function: str, labels: Tensor, **named: Tensor) -> None:
    check.is_tensor(function, labels=labels)
    check.boxes(function, **named)
    for name, boxes in named.items():
        if labels.dtype != torch.int64 or labels.shape != boxes.shape[:1]:
            raise ValueError(
                f"{function}: labels must be int64 of shape ({len(boxes)},), as {name} has rows, "
                f"got {str(labels.dtype).removeprefix('torch.')} of shape {tuple(labels.shape)}"
            )


def rpn_loss_loop(
    objectness: Tensor, deltas: Tensor, labels: Tensor, target_deltas: Tensor, beta: float = 1 / 9
) -> tuple[Tensor, Tensor]:
    objectness, deltas, target_deltas = widened(objectness, deltas, target_deltas)
    loss_objectness, loss_boxes = objectness[:0].sum(), deltas[:0].sum()  # 0, in the graph
    sampled = 0
    for i, label in enumerate(labels.tolist()):
        if label in (0, 1):
            sampled += 1
            loss_objectness = loss_objectness - log_sigmoid(
                objectness[i] if label == 1 else -objectness[i]
            )
        if label == 1:
            for d in range(4):
                difference = smooth_l1_loss(deltas[i, d], target_deltas[i, d], beta)
                loss_boxes = loss_boxes + difference
    return loss_objectness / max(sampled, 1), loss_boxes / max(sampled, 1)


def rpn_loss_vectorized(
    objectness: Tensor, deltas: Tensor, labels: Tensor, target_deltas: Tensor, beta: float = 1 / 9
) -> tuple[Tensor, Tensor]:
    objectness, deltas, target_deltas = widened(objectness, deltas, target_deltas)
    positive = labels == 1
    sampled = positive | (labels == 0)
    loss_objectness = masked_loss_vectorized(
        objectness, positive.to(objectness.dtype), sampled, _binary_cross_entropy
    )
    loss_boxes = masked_loss_vectorized(
        deltas, target_deltas, positive[:, None].expand_as(deltas),
        lambda input, target: smooth_l1_loss(input, target, beta, "none"),
    )
    count = sampled.sum().clamp(min=1)
    return loss_objectness / count, loss_boxes / count


def _binary_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return binary_cross_entropy_with_logits(logits, targets, reduction="none")


def fast_rcnn_loss(
    class_logits: Tensor, deltas: Tensor, labels: Tensor, target_deltas: Tensor,
    beta: float = 1 / 9,
) -> tuple[Tensor, Tensor]:
    """Return the two losses of the second stage: (classes, boxes).

    Args:
        class_logits: (R, C) float; class 0 is background.
        deltas: (R, 4 C) float; a coded box for each class, class after class.
        labels: (R,) int64; 0 to C - 1.
        target_deltas: (R, 4) float; read only where the label is at least 1.
        beta: of smooth L1; the paper has 1.

    Returns:
        Two tensors of shape (): cross-entropy, and smooth L1 between the box of the *right* class
        and the target, where that is no background. Both sums are divided by R (by 1 for no RoIs):
        background counts there, too, so that a positive RoI weighs the same in every batch.

    Gradient:
        Flows to `class_logits`, and to the right class's four numbers of `deltas`; 0 elsewhere.

    Raises:
        TypeError: an argument is not a tensor, or `beta` not a number.
        ValueError: shapes, dtypes or devices do not fit; a label outside 0 to C - 1 (on CUDA,
            torch's own error).
    """
    name = "fast_rcnn_loss"
    check.is_tensor(name, class_logits=class_logits, deltas=deltas)
    _check_boxes(name, labels, target_deltas=target_deltas)
    check.dtype(
        name, check.FLOATS,
        class_logits=class_logits, deltas=deltas, target_deltas=target_deltas,
    )
    check.same_device(
        name, labels=labels, class_logits=class_logits, deltas=deltas, target_deltas=target_deltas
    )
    for argument, tensor in (("class_logits", class_logits), ("deltas", deltas)):
        if tensor.ndim != 2 or len(tensor) != len(labels) or (
            argument == "deltas" and tensor.shape[1] != 4 * class_logits.shape[1]
        ):
            columns = "C" if argument == "class_logits" else f"4 * {class_logits.shape[1]}"
            raise ValueError(
                f"{name}: {argument} must have shape ({len(labels)}, {columns}), "
                f"got {tuple(tensor.shape)}"
            )
    check_class_labels(name, class_logits, labels=labels)
    check.not_negative(name, beta=beta)
    return fast_rcnn_loss_vectorized(class_logits, deltas, labels, target_deltas, beta)


def fast_rcnn_loss_loop(
    class_logits: Tensor, deltas: Tensor, labels: Tensor, target_deltas: Tensor,
    beta: float = 1 / 9,
) -> tuple[Tensor, Tensor]:
    class_logits, deltas, target_deltas = widened(class_logits, deltas, target_deltas)
    loss_classes, loss_boxes = class_logits[:0].sum(), deltas[:0].sum()  # 0, in the graph
    for i, label in enumerate(labels.tolist()):
        loss_classes = loss_classes - class_logits[i].log_softmax(0)[label]
        if label >= 1:
            for d in range(4):
                predicted = deltas[i, 4 * label + d]
                loss_boxes = loss_boxes + smooth_l1_loss(predicted, target_deltas[i, d], beta)
    return loss_classes / max(len(labels), 1), loss_boxes / max(len(labels), 1)


def fast_rcnn_loss_vectorized(
    class_logits: Tensor, deltas: Tensor, labels: Tensor, target_deltas: Tensor,
    beta: float = 1 / 9,
) -> tuple[Tensor, Tensor]:
    class_logits, deltas, target_deltas = widened(class_logits, deltas, target_deltas)
    r, c = class_logits.shape
    loss_classes = cross_entropy(class_logits, labels, reduction="sum")
    columns = labels[:, None, None].expand(r, 1, 4)
    of_label = deltas.reshape(r, c, 4).gather(1, columns)[:, 0]             # (R, 4)
    loss_boxes = masked_loss_vectorized(
        of_label, target_deltas, (labels >= 1)[:, None].expand(r, 4),
        lambda input, target: smooth_l1_loss(input, target, beta, "none"),
    )
    return loss_classes / max(r, 1), loss_boxes / max(r, 1)


IMPLEMENTATIONS = {"loop": rpn_loss_loop, "vectorized": rpn_loss_vectorized}
IMPLEMENTATIONS_OF_FAST_RCNN_LOSS = {
    "loop": fast_rcnn_loss_loop,
    "vectorized": fast_rcnn_loss_vectorized,
}

"""Scores of poses: N people (or hands, or chairs) of K joints each, and how far off the joints are.

    mean_error   mean distance, in pixels
    pck          share of joints nearer than a fraction of a reference length (percentage of correct
                 keypoints); the length, a person's size, makes near and far people comparable
    pckh         PCK with the head's size: 0.6 times the diagonal of its box, fraction .5 (MPII)
    pdj          PCK with the torso's diameter, left shoulder to right hip (percentage of detected
                 joints; DeepPose), fraction .2

Joints that are not visible have no true place and do not count. A NaN prediction is a joint that
was not found: wrong, infinitely far. Nothing to count is NaN (0 / 0). Yang and Ramanan, 2013 (PCK);
Andriluka et al., 2014 (PCKh); Sapp and Taskar, 2013, and Toshev and Szegedy, 2014 (PDJ).

Forms of pck (the others bring their lengths) and of mean_error:
    _loop         joint by joint: the definition
    _vectorized   all at once
"""

import math

import torch
from torch import Tensor

from edudet import check

NUMBERS = check.FLOATS + check.INTEGERS


def pck(
    gt_keypoints: Tensor, keypoints: Tensor, reference_lengths: Tensor, fraction: float = 0.2,
    visible: Tensor | None = None, per_joint: bool = False,
) -> Tensor:
    """Return the share of visible joints at most `fraction` of the reference length off.

    Args:
        gt_keypoints: (N, K, 2) float or integer; x, y in pixels; anything where not visible.
        keypoints: (N, K, 2); the predictions, NaN where none was made.
        reference_lengths: (N,); a length of each person. NaN: the person does not count.
        fraction: of that length; a joint exactly so far off is right.
        visible: (N, K) bool, or COCO's 0, 1, 2 of which 0 does not count. None: all are visible.
        per_joint: return a share for each of the K joints.

    Returns:
        () or (K,) float64 in [0, 1]; NaN where no joint counts.

    Raises:
        TypeError: an argument is not a tensor, or `fraction` not a number.
        ValueError: shapes or devices do not fit; a visible joint that is not finite; a negative
            length or fraction.
    """
    check_pair("pck", gt_keypoints, keypoints, visible)
    check_rows("pck", gt_keypoints, (), reference_lengths=reference_lengths)
    check.not_negative("pck", fraction=fraction)
    if (reference_lengths < 0).any():
        i = int((reference_lengths < 0).nonzero()[0])
        length = reference_lengths[i].item()
        raise ValueError(f"pck: reference_lengths[{i}] must be at least 0, got {length:g}")
    return pck_vectorized(
        gt_keypoints, keypoints, reference_lengths, fraction, visible, per_joint
    )


def pckh(
    gt_keypoints: Tensor, keypoints: Tensor, head_boxes: Tensor, fraction: float = 0.5,
    visible: Tensor | None = None, per_joint: bool = False,
) -> Tensor:
    """Return PCK with 0.6 times the diagonal of the head's box, (N, 4) xyxy. See `pck`."""
    check_pair("pckh", gt_keypoints, keypoints, visible)
    check_rows("pckh", gt_keypoints, (4,), head_boxes=head_boxes)
    sides = head_boxes[:, 2:].double() - head_boxes[:, :2].double()
    return pck(gt_keypoints, keypoints, 0.6 * sides.norm(dim=1), fraction, visible, per_joint)


def pdj(
    gt_keypoints: Tensor, keypoints: Tensor, left_shoulder: int, right_hip: int,
    fraction: float = 0.2, visible: Tensor | None = None, per_joint: bool = False,
) -> Tensor:
    """Return PCK with the torso's diameter: the true distance of the joints `left_shoulder` and
    `right_hip`. A person of whom one of the two is not visible does not count. See `pck`."""
    seen = check_pair("pdj", gt_keypoints, keypoints, visible)
    check.is_int("pdj", left_shoulder=left_shoulder, right_hip=right_hip)
    for name, joint in (("left_shoulder", left_shoulder), ("right_hip", right_hip)):
        if not 0 <= joint < gt_keypoints.shape[1]:
            last = gt_keypoints.shape[1] - 1
            raise ValueError(f"pdj: {name} must lie in 0 to {last}, got {joint}")
    points = gt_keypoints.double()
    diameters = (points[:, left_shoulder] - points[:, right_hip]).norm(dim=1)
    diameters[~(seen[:, left_shoulder] & seen[:, right_hip])] = math.nan
    return pck(gt_keypoints, keypoints, diameters, fraction, visible, per_joint)


def mean_error(
    gt_keypoints: Tensor, keypoints: Tensor, visible: Tensor | None = None, per_joint: bool = False
) -> Tensor:
    """Return the mean distance of visible joints in pixels, () or (K,) float64; infinite if one was
    not found, NaN where none is visible. Arguments and errors: see `pck`."""
    check_pair("mean_error", gt_keypoints, keypoints, visible)
    return mean_error_vectorized(gt_keypoints, keypoints, visible, per_joint)


def check_pair(
    function: str, gt_keypoints: Tensor, keypoints: Tensor, visible: Tensor | None
) -> Tensor:
    seen = check_visible(function, gt_keypoints, visible)
    check.is_tensor(function, keypoints=keypoints)
    check.dtype(function, NUMBERS, keypoints=keypoints)
    check.same_shape(function, gt_keypoints=gt_keypoints, keypoints=keypoints)
    check.same_device(function, gt_keypoints=gt_keypoints, keypoints=keypoints)
    return seen


def check_visible(function: str, gt_keypoints: Tensor, visible: Tensor | None) -> Tensor:
    check.is_tensor(function, gt_keypoints=gt_keypoints)
    check.dtype(function, NUMBERS, gt_keypoints=gt_keypoints)
    if gt_keypoints.ndim != 3 or gt_keypoints.shape[2] != 2:
        shape = tuple(gt_keypoints.shape)
        raise ValueError(f"{function}: gt_keypoints must have shape (N, K, 2), got {shape}")
    if visible is not None:
        check.is_tensor(function, visible=visible)
        check.same_device(function, gt_keypoints=gt_keypoints, visible=visible)
        if visible.shape != gt_keypoints.shape[:2]:
            raise ValueError(
                f"{function}: visible must have shape {tuple(gt_keypoints.shape[:2])}, "
                f"got {tuple(visible.shape)}"
            )
    seen = seen_joints(gt_keypoints, visible)
    unknown = (seen & ~gt_keypoints.isfinite().all(2)).nonzero().tolist()
    for i, joint in unknown[:1]:
        point = gt_keypoints[i, joint].tolist()
        raise ValueError(
            f"{function}: gt_keypoints[{i}, {joint}] must be finite where visible, got {point}"
        )
    return seen


def check_rows(
    function: str, gt_keypoints: Tensor, columns: tuple[int, ...], **named: Tensor
) -> None:
    """Every argument must have a row for each person."""
    check.is_tensor(function, **named)
    check.same_device(function, gt_keypoints=gt_keypoints, **named)
    wanted = (len(gt_keypoints), *columns)
    for name, tensor in named.items():
        if tensor.shape != wanted:
            raise ValueError(
                f"{function}: {name} must have shape {wanted}, got {tuple(tensor.shape)}"
            )


def seen_joints(gt_keypoints: Tensor, visible: Tensor | None) -> Tensor:
    if visible is None:
        return torch.ones(gt_keypoints.shape[:2], dtype=torch.bool, device=gt_keypoints.device)
    return visible > 0


def _distance(point: list[float], other: list[float]) -> float:
    distance = math.hypot(point[0] - other[0], point[1] - other[1])
    return math.inf if math.isnan(distance) else distance  # a joint that was not found


def _mean_of_joints(columns: list[list[float]], per_joint: bool, like: Tensor) -> Tensor:
    """The mean of each column of values, or of all together; of none, NaN."""
    if not per_joint:
        columns = [[value for column in columns for value in column]]
    means = [sum(column) / len(column) if column else math.nan for column in columns]
    means_of = torch.tensor(means, dtype=torch.float64, device=like.device)
    return means_of if per_joint else means_of[0]


def pck_loop(
    gt_keypoints: Tensor, keypoints: Tensor, reference_lengths: Tensor, fraction: float = 0.2,
    visible: Tensor | None = None, per_joint: bool = False,
) -> Tensor:
    truth, found = gt_keypoints.double().tolist(), keypoints.double().tolist()
    seen, lengths = seen_joints(gt_keypoints, visible).tolist(), reference_lengths.double().tolist()
    right: list[list[float]] = [[] for _ in range(gt_keypoints.shape[1])]
    for i in range(len(truth)):
        for joint in range(len(right)):
            if seen[i][joint] and not math.isnan(lengths[i]):
                distance = _distance(truth[i][joint], found[i][joint])
                right[joint].append(float(distance <= fraction * lengths[i]))
    return _mean_of_joints(right, per_joint, keypoints)


def mean_error_loop(
    gt_keypoints: Tensor, keypoints: Tensor, visible: Tensor | None = None, per_joint: bool = False
) -> Tensor:
    truth, found = gt_keypoints.double().tolist(), keypoints.double().tolist()
    seen = seen_joints(gt_keypoints, visible).tolist()
    distances: list[list[float]] = [[] for _ in range(gt_keypoints.shape[1])]
    for i in range(len(truth)):
        for joint in range(len(distances)):
            if seen[i][joint]:
                distances[joint].append(_distance(truth[i][joint], found[i][joint]))
    return _mean_of_joints(distances, per_joint, keypoints)


def pck_vectorized(
    gt_keypoints: Tensor, keypoints: Tensor, reference_lengths: Tensor, fraction: float = 0.2,
    visible: Tensor | None = None, per_joint: bool = False,
) -> Tensor:
    lengths = reference_lengths.double()[:, None]                           # (N, 1)
    right = _distances(gt_keypoints, keypoints) <= fraction * lengths       # (N, K)
    counted = seen_joints(gt_keypoints, visible) & ~lengths.isnan()
    return _mean_where(right.double(), counted, per_joint)


def mean_error_vectorized(
    gt_keypoints: Tensor, keypoints: Tensor, visible: Tensor | None = None, per_joint: bool = False
) -> Tensor:
    distances = _distances(gt_keypoints, keypoints)
    return _mean_where(distances, seen_joints(gt_keypoints, visible), per_joint)


def _distances(gt_keypoints: Tensor, keypoints: Tensor) -> Tensor:
    offsets = keypoints.double() - gt_keypoints.double()
    return torch.hypot(*offsets.unbind(2)).nan_to_num(nan=math.inf, posinf=math.inf)


def _mean_where(values: Tensor, counted: Tensor, per_joint: bool) -> Tensor:
    sums = values.where(counted, 0).sum(0)                                  # (K,)
    counts = counted.sum(0)
    return sums / counts if per_joint else sums.sum() / counts.sum()


IMPLEMENTATIONS = {"loop": pck_loop, "vectorized": pck_vectorized}
IMPLEMENTATIONS_OF_MEAN_ERROR = {"loop": mean_error_loop, "vectorized": mean_error_vectorized}

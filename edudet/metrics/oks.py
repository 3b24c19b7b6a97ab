"""Object keypoint similarity (OKS): the IoU of poses, in [0, 1].

    OKS = mean over visible joints of exp(-d^2 / (2 area (2 sigma)^2)),  d the distance in pixels

Where PCK cuts at one distance, OKS falls smoothly. sigma says how precisely people mark a joint:
eyes to 2.5 %, hips to 10.7 % of the object's size (the root of its area). COCO, 2016, computes the
average precision of poses with it, as that of boxes with IoU.

    oks_loop         joint by joint: the definition
    oks_vectorized   all at once
"""

import math

import torch
from torch import Tensor

from edudet import check
from edudet.metrics.pose import check_rows, check_visible, seen_joints

# Nose; left and right eye, ear, shoulder, elbow, wrist, hip, knee, ankle. Divided as COCO does, for
# the last bit.
COCO_SIGMAS = tuple(tenfold / 10 for tenfold in (
    0.26, 0.25, 0.25, 0.35, 0.35, 0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89,
    0.89,
))  # fmt: skip
EPS = 2.0**-52  # added to areas, as COCO does


def oks(
    gt_keypoints: Tensor, visible: Tensor, areas: Tensor, keypoints: Tensor,
    sigmas: Tensor | None = None, gt_boxes: Tensor | None = None,
) -> Tensor:
    """Return the similarity of every true pose with every predicted one.

    Args:
        gt_keypoints: (N, K, 2); x, y in pixels. visible: (N, K); see `pck`.
        areas: (N,); of the objects, in pixels (COCO: of the mask, not of the box).
        keypoints: (M, K, 2); the predictions.
        sigmas: (K,); one of each joint. None: COCO's 17.
        gt_boxes: (N, 4) xyxy; used for objects none of whose joints is visible: there COCO takes
            the distance of each predicted joint from the box, enlarged by its size on all sides.

    Returns:
        (N, M) float64 in [0, 1]; equal to pycocotools' computeOks. 0 for an object without visible
        joints if there are no `gt_boxes`.

    Raises:
        TypeError, ValueError: as `pck`; also for a negative area, or a sigma not above 0.
    """
    seen = check_visible("oks", gt_keypoints, visible)
    check.is_tensor("oks", keypoints=keypoints)
    k = gt_keypoints.shape[1]
    if keypoints.ndim != 3 or keypoints.shape[1:] != (k, 2):
        shape = tuple(keypoints.shape)
        raise ValueError(f"oks: keypoints must have shape (M, {k}, 2), got {shape}")
    check.same_device("oks", gt_keypoints=gt_keypoints, keypoints=keypoints)
    check_rows("oks", gt_keypoints, (), areas=areas)
    if gt_boxes is not None:
        check_rows("oks", gt_keypoints, (4,), gt_boxes=gt_boxes)
    if sigmas is None:
        sigmas = torch.tensor(COCO_SIGMAS, dtype=torch.float64, device=keypoints.device)
    check.is_tensor("oks", sigmas=sigmas)
    check.same_device("oks", gt_keypoints=gt_keypoints, sigmas=sigmas)
    if sigmas.shape != (k,) or not (sigmas > 0).all():
        raise ValueError(
            f"oks: sigmas must be {k} numbers above 0, one for each joint, got {sigmas.tolist()}"
        )
    if not (areas >= 0).all():
        raise ValueError(f"oks: areas must be at least 0, got {areas[~(areas >= 0)][0].item():g}")
    return oks_vectorized(gt_keypoints, seen, areas, keypoints, sigmas, gt_boxes)


def oks_loop(
    gt_keypoints: Tensor, visible: Tensor, areas: Tensor, keypoints: Tensor,
    sigmas: Tensor, gt_boxes: Tensor | None = None,
) -> Tensor:
    truth, found = gt_keypoints.double().tolist(), keypoints.double().tolist()
    seen = seen_joints(gt_keypoints, visible).tolist()
    out = torch.zeros(len(truth), len(found), dtype=torch.float64, device=keypoints.device)
    for i in range(len(truth)):
        for j in range(len(found)):
            similarities = []
            for joint, sigma in enumerate(sigmas.double().tolist()):
                x, y = found[j][joint]
                if any(seen[i]):
                    if not seen[i][joint]:
                        continue
                    dx, dy = x - truth[i][joint][0], y - truth[i][joint][1]
                elif gt_boxes is not None:
                    x1, y1, x2, y2 = gt_boxes[i].double().tolist()
                    width, height = x2 - x1, y2 - y1
                    dx = max(0, (x1 - width) - x) + max(0, x - (x1 + 2 * width))
                    dy = max(0, (y1 - height) - y) + max(0, y - (y1 + 2 * height))
                else:
                    continue
                scale = (2 * sigma) ** 2 * (areas[i].item() + EPS) * 2
                missing = math.isnan(x) or math.isnan(y)
                similarities.append(0.0 if missing else math.exp(-(dx**2 + dy**2) / scale))
            if similarities:
                out[i, j] = sum(similarities) / len(similarities)
    return out


def oks_vectorized(
    gt_keypoints: Tensor, visible: Tensor, areas: Tensor, keypoints: Tensor,
    sigmas: Tensor, gt_boxes: Tensor | None = None,
) -> Tensor:
    points = keypoints.double()                                             # (M, K, 2)
    seen = seen_joints(gt_keypoints, visible)                               # (N, K)
    offsets = points - gt_keypoints.double()[:, None]                       # (N, M, K, 2)
    hidden = ~seen.any(1)                                                   # (N,)
    if gt_boxes is not None:
        corner = gt_boxes[:, :2].double()
        size = gt_boxes[:, 2:].double() - corner
        low, high = ((corner + times * size)[:, None, None] for times in (-1, 2))
        outside = (low - points).relu() + (points - high).relu()
        offsets = torch.where(hidden[:, None, None, None], outside, offsets)
        seen = seen | hidden[:, None]
    scale = (2 * sigmas.double()) ** 2 * (areas.double()[:, None] + EPS) * 2    # (N, K)
    similarity = torch.exp(-(offsets**2).sum(3) / scale[:, None]).nan_to_num(nan=0.0)
    similarity = similarity.where(seen[:, None], 0)                         # (N, M, K)
    return similarity.sum(2) / seen.sum(1).clamp(min=1)[:, None]


IMPLEMENTATIONS = {"loop": oks_loop, "vectorized": oks_vectorized}

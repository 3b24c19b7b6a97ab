"""Soft-NMS beside OpenCV's (if it can be imported) and the loop that most repositories carry, with
one taken box against all others in numpy. Goals, one thread, from 1000 boxes on: 50 times that loop
for the linear method, 25 times for the Gaussian; 100 times for linear and 10k image-like boxes."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from benchmarks.inputs import clustered, image_like, sparse
from benchmarks.measure import Work
from edudet.ops import soft_nms
from edudet.ops.soft_nms import soft_nms_vectorized


def works(device: str, peer) -> Iterator[Work]:
    if device == "cuda":  # no kernel
        return
    for kind, make in {"sparse": sparse, "image-like": image_like, "clustered": clustered}.items():
        for n in (10, 100, 1000, 10_000):
            boxes, scores = make(n)
            for method in ("linear", "gaussian"):
                contestants = {"edudet": partial(soft_nms, boxes, scores, method)}
                if n <= 1000:
                    contestants["vectorized"] = partial(soft_nms_vectorized, boxes, scores, method)
                    contestants |= opencv(boxes, scores, method)
                contestants["numpy"] = partial(in_numpy, boxes.numpy(), scores.numpy(), method)
                goal = {"linear": 50, "gaussian": 25}[method] if n >= 1000 else None
                if (n, kind, method) == (10_000, "image-like", "linear"):
                    goal = 100
                yield Work("soft_nms", f"{n} {kind}, {method}", contestants, goal)
    boxes, scores = image_like(100_000)
    contestants = {"edudet": partial(soft_nms, boxes, scores)}
    yield Work("soft_nms", "100000 image-like, linear", contestants)


def opencv(boxes, scores, method: str) -> dict:
    """OpenCV takes lists of whole numbers."""
    try:
        import cv2
    except ImportError:
        return {}
    xywh = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1).astype(int).tolist()
    number = {"linear": 1, "gaussian": 2}[method]
    run = partial(cv2.dnn.softNMSBoxes, xywh, scores.tolist(), 0.001, 0.3, 0, 0.5, number)
    return {"opencv": run}


def in_numpy(boxes, scores, method: str, iou_threshold=0.3, sigma=0.5, score_threshold=0.001):
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    order, scores, keep = np.arange(len(boxes)), scores.copy(), []
    while len(order):
        first = scores[order].argmax()
        best, order = order[first], np.delete(order, first)
        keep.append(best)
        x1 = np.maximum(boxes[best, 0], boxes[order, 0])
        y1 = np.maximum(boxes[best, 1], boxes[order, 1])
        x2 = np.minimum(boxes[best, 2], boxes[order, 2])
        y2 = np.minimum(boxes[best, 3], boxes[order, 3])
        inter = np.maximum(0, x2 - x1) * np.maximum(0, y2 - y1)
        iou = inter / (areas[best] + areas[order] - inter)
        if method == "linear":
            scores[order] *= np.where(iou > iou_threshold, 1 - iou, 1)
        else:
            scores[order] *= np.exp(-(iou**2) / sigma)
        order = order[scores[order] >= score_threshold]
    return keep, scores[keep]

"""Matrix NMS beside the published code (torch, all pairs in a matrix), which uses as many threads
as it is given. Goals, one thread: 8 times as fast at 1000 boxes, 40 times at 5000."""

from collections.abc import Iterator
from functools import partial

import torch

from benchmarks.inputs import clustered, image_like
from benchmarks.measure import Work
from edudet.ops import box_iou, matrix_nms


def works(device: str, peer) -> Iterator[Work]:
    if device == "cuda":  # no kernel
        return
    for kind, make in {"image-like": image_like, "clustered": clustered}.items():
        for n in (100, 1000, 5000):
            boxes, scores = make(n)
            for method in ("linear", "gaussian"):
                contestants = {
                    "edudet": partial(matrix_nms, boxes, scores, method),
                    "published": partial(published, boxes, scores, method, peer),
                }
                goal = {1000: 8, 5000: 40}.get(n)
                yield Work("matrix_nms", f"{n} {kind}, {method}", contestants, goal)


def published(boxes, scores, method, peer, sigma=2.0, score_threshold=0.001):
    scores, order = scores.sort(descending=True)
    boxes = boxes[order]
    iou = (peer.box_iou if peer else box_iou)(boxes, boxes).triu(diagonal=1)
    compensate = iou.max(0).values.expand(len(iou), len(iou)).transpose(1, 0)
    if method == "gaussian":
        decay = torch.exp(-sigma * iou**2) / torch.exp(-sigma * compensate**2)
    else:
        decay = (1 - iou) / (1 - compensate)
    scores = scores * decay.min(0).values
    kept = scores >= score_threshold
    scores, again = scores[kept].sort(descending=True)
    return order[kept][again], scores

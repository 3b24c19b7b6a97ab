"""IoU matrices. Goal: 12 times torchvision at 4096 x 4096, one thread each."""

from collections.abc import Iterator
from functools import partial

from benchmarks.inputs import image_like
from benchmarks.measure import Work
from edudet.ops import box_iou, generalized_box_iou
from edudet.ops.box_iou import box_iou_native, box_iou_vectorized


def works(device: str, peer) -> Iterator[Work]:
    for n, goal in ((1, None), (10, None), (100, None), (1000, None), (4096, 12.0)):
        boxes, _ = image_like(n, device=device)
        contestants = {"edudet": partial(box_iou, boxes, boxes)}
        if device == "cuda":
            for kernel in (1, 2):
                rung = partial(box_iou_native, boxes, boxes, kernel=kernel)
                contestants[f"kernel {kernel}"] = rung
        contestants["vectorised"] = partial(box_iou_vectorized, boxes, boxes)
        if peer:
            contestants["torchvision"] = partial(peer.box_iou, boxes, boxes)
        for threads in (1, 2) if device == "cpu" and n >= 1000 else (1,):
            wanted = goal if threads == 1 else None
            yield Work("box_iou", f"{n} x {n}", dict(contestants), wanted, threads)
    boxes, _ = image_like(4000, device=device)
    contestants = {"edudet": partial(generalized_box_iou, boxes, boxes)}
    if peer:
        contestants["torchvision"] = partial(peer.generalized_box_iou, boxes, boxes)
        yield Work("generalized_box_iou", "4000 x 4000", contestants)

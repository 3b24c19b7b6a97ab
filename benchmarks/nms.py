"""Non-maximum suppression. Goals, one thread each: 10 times torchvision at 10k and 50k sparse and
image-like boxes, 2.5 times at 1k clustered ones, and nowhere slower. On CUDA: 5 and 1.5 times at
10k, 20 times at 100k sparse boxes."""

from collections.abc import Iterator
from functools import partial

import torch

from benchmarks.inputs import clustered, image_like, sparse
from benchmarks.measure import Work
from edudet.ops import batched_nms, nms
from edudet.ops.nms import nms_native

KINDS = {"sparse": sparse, "image-like": image_like, "clustered": clustered}
GOALS = {
    "cpu": {("sparse", 10_000): 10, ("image-like", 10_000): 10, ("clustered", 1000): 2.5,
            ("sparse", 50_000): 10, ("image-like", 50_000): 10},
    "cuda": {("sparse", 10_000): 5, ("clustered", 10_000): 1.5, ("sparse", 100_000): 20},
}


def works(device: str, peer) -> Iterator[Work]:
    sizes = (1, 10, 100, 1000, 10_000, 50_000 if device == "cpu" else 100_000)
    for kind, make in KINDS.items():
        for n in sizes:
            boxes, scores = make(n, device=device)
            contestants = {"edudet": partial(nms, boxes, scores, 0.5)}
            if device == "cuda" and n <= 10_000:
                for kernel in (1, 2):
                    rung = partial(nms_native, boxes, scores, 0.5, kernel=kernel)
                    contestants[f"kernel {kernel}"] = rung
            if peer:
                contestants["torchvision"] = partial(peer.nms, boxes, scores, 0.5)
            yield Work("nms", f"{n} {kind}", contestants, GOALS[device].get((kind, n)))
    for n in (100, 10_000):
        boxes, scores = image_like(n, device=device)
        idxs = torch.randint(0, 80, (n,), generator=torch.Generator().manual_seed(0)).to(device)
        contestants = {"edudet": partial(batched_nms, boxes, scores, idxs, 0.5)}
        if peer:
            contestants["torchvision"] = partial(peer.batched_nms, boxes, scores, idxs, 0.5)
        yield Work("batched_nms", f"{n}, 80 classes", contestants)
    if device == "cpu":
        boxes, scores = image_like(1_000_000)
        yield Work("nms", "1000000 image-like", {"edudet": partial(nms, boxes, scores, 0.5)})

"""Box coding for the anchors of one image. Goal: decoding not slower than torchvision's."""

from collections.abc import Iterator
from functools import partial

import torch

from benchmarks.inputs import image_like
from benchmarks.measure import Work
from edudet.boxes import decode_deltas, encode_deltas

NUM_ANCHORS = 217_413


def works(device: str, peer) -> Iterator[Work]:
    anchors, _ = image_like(NUM_ANCHORS, device=device)
    boxes, _ = image_like(NUM_ANCHORS, seed=1, device=device)
    deltas = encode_deltas(boxes, anchors)
    several = torch.cat([deltas[:1000]] * 81, 1)  # the second stage: 81 classes for each proposal
    decoding = {"edudet": partial(decode_deltas, deltas, anchors)}
    decoding_several = {"edudet": partial(decode_deltas, several, anchors[:1000])}
    encoding = {"edudet": partial(encode_deltas, boxes, anchors)}
    if peer:
        from torchvision.models.detection._utils import BoxCoder

        coder = BoxCoder((1.0, 1.0, 1.0, 1.0))
        decoding["torchvision"] = partial(coder.decode_single, deltas, anchors)
        decoding_several["torchvision"] = partial(coder.decode_single, several, anchors[:1000])
        encoding["torchvision"] = partial(coder.encode_single, boxes, anchors)
    yield Work("decode_deltas", f"{NUM_ANCHORS} anchors", decoding, 1.0)
    yield Work("decode_deltas", "1000 proposals, 81 classes", decoding_several, 1.0)
    yield Work("encode_deltas", f"{NUM_ANCHORS} anchors", encoding)

"""What is done with all boxes of an image, and the boxes of its masks. Goal: not slower than
torchvision where much is computed."""

from collections.abc import Iterator
from functools import partial

import torch

from benchmarks.inputs import image_like
from benchmarks.measure import Work
from edudet.boxes import box_area, clip_boxes_to_image, masks_to_boxes, remove_small_boxes

NUM_BOXES, IMAGE_SIZE = 217_413, (800, 1333)


def works(device: str, peer) -> Iterator[Work]:
    masks = torch.zeros(50, *IMAGE_SIZE, dtype=torch.bool, device=device)
    for i in range(50):
        masks[i, 10 * i : 10 * i + 200, 20 * i : 20 * i + 300] = True
    boxes, _ = image_like(NUM_BOXES, device=device)
    calls = [
        (masks_to_boxes, "50 masks of 800 x 1333", (masks,), 4.0),
        (clip_boxes_to_image, f"{NUM_BOXES} boxes", (boxes, IMAGE_SIZE), 1.0),
        (remove_small_boxes, f"{NUM_BOXES} boxes", (boxes, 16), None),
        (box_area, f"{NUM_BOXES} boxes", (boxes,), None),
    ]
    for function, name, args, goal in calls:
        contestants = {"edudet": partial(function, *args)}
        if peer:
            contestants["torchvision"] = partial(getattr(peer, function.__name__), *args)
        yield Work(function.__name__, name, contestants, goal)

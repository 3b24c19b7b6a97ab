"""Selective search of the 512 x 512 photo that ships in scikit-image. Goal, one thread each: 4
times OpenCV's fast mode, at the same recall or a better one; this is printed first, for generated
scenes (goal: .95 at IoU .5) and for photos with labelled objects."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from benchmarks.felzenszwalb import opencv
from benchmarks.inputs import labelled_photos, scene
from benchmarks.measure import Work
from edudet.metrics import average_recall, proposal_recall
from edudet.proposals import selective_search

NUM_SCENES = 20


def works(device: str, peer) -> Iterator[Work]:
    if device != "cpu":
        return
    try:
        photos = labelled_photos()
    except ImportError:
        print("scikit-image cannot be imported: selective_search has no photos to work on")
        return
    cv2 = opencv()
    report("generated scenes", [scene(seed) for seed in range(NUM_SCENES)], cv2)
    report("labelled photos", photos, cv2)
    photo = photos[0][0]
    for mode, goal in (("fast", 4), ("quality", None)):
        contestants = {"edudet": partial(selective_search, photo, mode)}
        if cv2:
            contestants["opencv"] = partial(opencv_search, cv2, photo, mode)
        yield Work("selective_search", f"512 x 512 photo, {mode}", contestants, goal)


def opencv_search(cv2, image: Tensor, mode: str = "fast") -> Tensor:
    search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    search.setBaseImage(image.flip(2).numpy())
    {"fast": search.switchToSelectiveSearchFast, "quality": search.switchToSelectiveSearchQuality}[
        mode
    ]()
    boxes_xywh = torch.from_numpy(search.process()).float()
    return torch.cat([boxes_xywh[:, :2], boxes_xywh[:, :2] + boxes_xywh[:, 2:]], 1)


def report(name: str, images: list[tuple[Tensor, Tensor]], cv2) -> None:
    """Print the recall of both at 500, 1000 and 2000 proposals, and how many there are."""
    gt_boxes = [boxes for _, boxes in images]
    searches: dict[str, Callable[[Tensor], Tensor]] = {
        "edudet": lambda image: selective_search(image).boxes
    }
    if cv2:
        searches["opencv"] = partial(opencv_search, cv2)
    for who, search in searches.items():
        proposals = [search(image) for image, _ in images]
        at_half = ", ".join(f"{r:.3f}" for r in proposal_recall(gt_boxes, proposals).tolist())
        average = ", ".join(f"{r:.3f}" for r in average_recall(gt_boxes, proposals).tolist())
        number = sum(map(len, proposals)) / len(proposals)
        print(
            f"{name}, {who}: {number:.0f} boxes; recall at 500, 1000, 2000: {at_half} (IoU .5), "
            f"{average} (mean of IoU .5 to .95)"
        )

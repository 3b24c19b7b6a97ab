"""A mirror, a frame, another size: images moved together with all that is marked on them.

    flipped    left and right change places, in pairs of joints too
    cropped    what a frame shows; objects of which too little is left disappear
    resized    another number of pixels

Everything that a target may hold moves along: see target.py.
Pixel (row y, column x) covers [x, x + 1) x [y, y + 1), so the mirror image of x is width - x.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from edudet import check
from edudet.boxes import box_area, clip_boxes_to_image, masks_to_boxes
from edudet.data.target import (
    Example,
    Target,
    check_movable,
    chosen_rows,
    flags_of,
    keys_that,
    left_segments,
    mirrored_relations,
    moved,
)


def flipped(
    image: Tensor, target: Target, flip_pairs: Sequence[tuple[int, int]] | None = None
) -> Example:
    """Return the mirror image: left becomes right.

    Args:
        image: (3, H, W).
        target: see target.py.
        flip_pairs: the joints that change places: a mirrored left hand is a right one. Needed if
            there are keypoints; () if none has a side.
    """
    target, width = check_movable("flipped", image, target), image.shape[-1]

    def corners(boxes: Tensor) -> Tensor:
        x1, y1, x2, y2 = boxes.unbind(1)
        return torch.stack([width - x2, y1, width - x1, y2], 1)

    def points(joints: Tensor) -> Tensor:
        x, y, v = joints[:, _mirrored_order(flip_pairs, joints.shape[1])].unbind(2)
        return _labelled(torch.stack([width - x, y, v], 2))

    return image.flip(-1), moved(
        target, corners=corners, points=points, pixels=lambda maps: maps.flip(-1),
        pairs=mirrored_relations,
    )


def cropped(
    image: Tensor, target: Target, frame: tuple[int, int, int, int], least: float = 0.3
) -> Example:
    """Return what lies in a frame.

    Args:
        image: (3, H, W).
        target: see target.py.
        frame: x1, y1, x2, y2 in whole pixels, inside the image, not empty.
        least: objects of which less than this fraction is left disappear: of the pixels of the
            mask, where there are masks, else of the area of the box. A crowd stays while any of it
            is left, since nothing found there may count as wrong.

    The box of an object that the frame cuts becomes that of the rest of its mask, where there are
    masks; else it is cut off. A segment of an object that disappears stays in the maps.
    """
    target = check_movable("cropped", image, target)
    check.unit_interval("cropped", least=least)
    x1, y1, x2, y2 = frame
    height, width = image.shape[-2:]
    if not (0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height):
        raise ValueError(
            f"cropped: frame must lie in the image of {width} x {height} pixels (width x height) "
            f"and not be empty, got {tuple(frame)}"
        )
    inside = _cut(target, frame)
    for key in keys_that(of="image", moves="corners"):
        if key in inside:
            inside[key] = inside[key][box_area(inside[key]) > 0]
    part = _part_left(target, inside)
    if "masks" in target:
        inside["boxes"] = _tight_where_cut(target["boxes"], inside, frame)
    inside = moved(inside, area=lambda area: area * part, share=lambda share: share * part)
    inside = chosen_rows(inside, (part > 0) & ((part >= least) | flags_of(target, "iscrowd")))
    return image[:, y1:y2, x1:x2].clone(), left_segments(inside)


def resized(image: Tensor, target: Target, size: tuple[int, int]) -> Example:
    """Return the image with (height, width) `size`, each pixel a mean of those it covers.

    An object that is no crowd and of whose mask no pixel is left disappears.
    """
    target = check_movable("resized", image, target)
    check.size("resized", size=size)
    height, width = image.shape[-2:]
    down, right = size[0] / height, size[1] / width
    rows, columns = (_nearest(new, old, image.device) for new, old in zip(
        size, (height, width), strict=True
    ))
    larger = moved(
        target,
        corners=lambda boxes: boxes * boxes.new_tensor([right, down, right, down]),
        points=lambda joints: _labelled(joints * joints.new_tensor([right, down, 1])),
        pixels=lambda maps: maps[..., rows[:, None], columns],
        area=lambda area: area * (down * right),
    )
    if "masks" in target:
        keep = larger["masks"].flatten(1).any(1) | flags_of(target, "iscrowd")
        larger = chosen_rows(larger, keep)
    smaller = interpolate(image[None], size, mode="bilinear", antialias=True)[0]
    return smaller.clamp(0, 1), left_segments(larger)


def _mirrored_order(flip_pairs: Sequence[tuple[int, int]] | None, number: int) -> list[int]:
    if flip_pairs is None:
        raise ValueError(
            "flipped: flip_pairs must be the pairs of joints that change places in a mirror, "
            "such as left and right hand, got None"
        )
    order = list(range(number))
    for pair in flip_pairs:
        if len(pair) != 2 or not all(0 <= joint < number for joint in pair):
            raise ValueError(f"flipped: flip_pairs must be pairs below {number}, got {pair}")
        order[pair[0]], order[pair[1]] = pair[1], pair[0]
    if sorted(order) != list(range(number)):
        raise ValueError(f"flipped: flip_pairs must name no joint twice, got {[*flip_pairs]}")
    return order


def _labelled(keypoints: Tensor) -> Tensor:
    """v = 0: nothing is known, and no number may look as if it were."""
    return torch.where(keypoints[..., 2:] > 0, keypoints, torch.zeros_like(keypoints))


def _cut(target: Target, frame: tuple[int, int, int, int]) -> Target:
    """What lies in the frame, of every object."""
    x1, y1, x2, y2 = frame

    def corners(boxes: Tensor) -> Tensor:
        shifted = boxes - boxes.new_tensor([x1, y1, x1, y1])
        return clip_boxes_to_image(shifted, (y2 - y1, x2 - x1))

    def points(joints: Tensor) -> Tensor:
        x, y, v = joints.unbind(2)
        seen = (x >= x1) & (x <= x2) & (y >= y1) & (y <= y2)
        return _labelled(torch.stack([x - x1, y - y1, v * seen], 2))

    def pixels(maps: Tensor) -> Tensor:
        return maps[..., y1:y2, x1:x2].clone()

    return moved(target, corners=corners, points=points, pixels=pixels)


def _part_left(before: Target, after: Target) -> Tensor:
    """(N,): which part of each object is left."""
    if "masks" in before:
        was, rest = (one["masks"].flatten(1).sum(1).to(one["boxes"]) for one in (before, after))
    else:
        was, rest = (box_area(one["boxes"]) for one in (before, after))
    return rest / was.where(was > 0, 1)


def _tight_where_cut(boxes: Tensor, inside: Target, frame: tuple[int, int, int, int]) -> Tensor:
    x1, y1, x2, y2 = frame
    whole = (boxes[:, :2] >= boxes.new_tensor([x1, y1])).all(1)
    whole &= (boxes[:, 2:] <= boxes.new_tensor([x2, y2])).all(1)
    tight = masks_to_boxes(inside["masks"]).to(boxes)
    return torch.where(whole[:, None], inside["boxes"], tight)


def _nearest(new: int, old: int, device: torch.device) -> Tensor:
    """The old pixel in which the centre of each new one lies."""
    return ((torch.arange(new, device=device) + 0.5) * (old / new)).long().clamp(max=old - 1)

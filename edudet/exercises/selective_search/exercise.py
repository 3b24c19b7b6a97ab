"""Exercise: boxes from a segmentation and its merging."""

import numpy
import torch

from edudet import proposals
from edudet.cases.proposals.selective_search import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import draw_labels


def selective_search(image, scale):
    """Return the boxes of all regions that there are while an image is merged into one region.

    Args:
        image: (H, W, C) float32, C channels of whole numbers from 0 to 255; C is 1 or 3.
        scale: of the first segmentation, see `felzenszwalb`. Regions are merged as `merge_regions`
            does: the two neighbours with the fewest pixels together.

    Returns:
        (N, 4) float32: (x1, y1, x2, y2) in pixels, where a box ends after its last pixel. Those of
        the first regions in the order of their numbers, then those of the merged regions in the
        order of merging. A box that is found again is not listed again.
    """
    gray = image.shape[2] == 1
    found = proposals.selective_search(
        image.to(torch.uint8).expand(-1, -1, 3), colour_spaces=["gray" if gray else "rgb"],
        scales=[scale], similarities=[["size"]], sigma=0, min_size=0,
    )
    return torch.tensor(list(dict.fromkeys(map(tuple, found.trees[0].boxes.tolist()))))


def prepare(image, scale=1):
    pixels = torch.tensor(image, dtype=torch.float32)
    return pixels if pixels.ndim == 3 else pixels[..., None], scale


def blocks(random):
    """Blocks of few gray levels: neighbours of one level are one region."""
    low = random.choice([0, 120, 240], (3, 4))
    return (low.repeat(2, 0).repeat(int(random.integers(1, 3)), 1).tolist(),)


def objects(random):
    """Objects of two parts in a ground."""
    image = numpy.zeros((8, 9), int)
    for y, x in ((1, 1), (5, 5)):
        y, x = y + int(random.integers(0, 2)), x + int(random.integers(0, 2))
        image[y : y + 2, x : x + 2] = 120
        image[y, x + int(random.integers(0, 2))] = 240
    return (image.tolist(),)


def noisy(random):
    """Gray levels that differ by little, or by much: the scale counts."""
    image = random.integers(0, 6, (6, 7)) + 60 * random.integers(0, 2, (3, 1)).repeat(2, 0)
    image[:, int(random.integers(2, 6)) :] += 40
    return image.tolist(), int(random.choice([6, 12, 40]))


def colours(random):
    """Of the eight colours of full or no red, green and blue, four: some neighbours are equal."""
    palette = random.permutation(8)[:4, None] // [1, 2, 4] % 2 * 200
    image = palette[random.integers(0, 4, (4, 4))].repeat(2, 1)
    return image.tolist(), int(random.integers(1, 9))


def plain(mistake):
    """A mistake in regions of one level, which is what small scales find."""
    return lambda image, scale=1: mistake(image)


def draw(axes, case, result):
    image, scale = prepare(*case)
    labels = proposals.felzenszwalb(image[..., 0].to(torch.uint8), scale, 0.0, 0)
    draw_labels(axes, labels.tolist(), image[..., 0].int().tolist())
    boxes = [[float(part) for part in box] for box in result]
    areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in boxes]
    for i, (x1, y1, x2, y2) in enumerate(boxes):
        inset = 0.36 - 0.3 * sorted(areas).index(areas[i]) / len(boxes)  # sides stay apart
        xs, ys = [x1 - 0.5 + inset, x2 - 0.5 - inset], [y1 - 0.5 + inset, y2 - 0.5 - inset]
        lines = axes.plot([xs[0], xs[1], xs[1], xs[0], xs[0]], [ys[0], ys[0], ys[1], ys[1], ys[0]])
        axes.text(xs[0], ys[0], str(i), fontsize=8, color=lines[0].get_color(), va="bottom")
    axes.set_title(f"{len(result)} boxes")


EXERCISE = Exercise(
    title="Selective search",
    functions=[selective_search],
    tests=[
        worked("one or two regions", 1, CASES, "nothing to see", "one pixel", "two halves"),
        worked("an object on a ground", 2, CASES, "an object on a ground",
               "an object of two parts", "far apart"),
        hidden("blocks", 2, blocks),
        hidden("objects of two parts", 2, objects),
        hidden("noise and scale", 2, noisy),
        hidden("colours", 1, colours),
    ],
    mistakes={hint: plain(wrong) for hint, wrong in MISTAKES.items()},
    prepare=prepare,
    given=["felzenszwalb", "merge_regions"],
    line_budget=18,
    example=([[0, 0, 0, 0, 0, 0], [0, 120, 240, 240, 0, 0], [0, 120, 240, 240, 0, 0],
              [0, 0, 0, 0, 0, 0]],),
    draw=draw,
)  # fmt: skip

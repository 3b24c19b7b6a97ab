"""Exercise: panoptic quality of one image, without crowds."""

import numpy
import torch

from edudet.cases.metrics.panoptic import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.metrics import panoptic_quality as library_quality

WIDTH = 8  # of the maps of the hidden tests


def panoptic_quality(gt_map, gt_categories, segment_map, categories):
    """Return the panoptic quality of one image.

    gt_map, segment_map: (H, W) int64, the true and the predicted segment of each pixel, numbers
    from 1; 0 in `gt_map` is void, 0 in `segment_map` says nothing. The numbers of the two maps have
    nothing to do with each other.
    gt_categories, categories: int64; the class of segment i is the entry i. Entry 0, and those of
    numbers that are not in the map, mean nothing.

    Returns (3,) floats: PQ, SQ and RQ, each the mean over the classes that have a segment which
    counts; SQ of a class without a match is 0. Without any such class: NaN.
    """
    sides = []
    for ids, classes in ((gt_map, gt_categories), (segment_map, categories)):
        there = [i for i in ids.unique().tolist() if i != 0]
        sides.append([(ids, [{"id": i, "category_id": int(classes[i])} for i in there])])
    report = library_quality(*sides)
    return torch.tensor([report[name] for name in ("PQ", "SQ", "RQ")])


def prepare(images):
    """One row of pixels becomes a map, {id: (class, is crowd)} a row of classes."""
    ((gt_map, gt_segments, segment_map, segments),) = images
    arguments = []
    for ids, about in ((gt_map, gt_segments), (segment_map, segments)):
        pixels = torch.tensor(ids, dtype=torch.int64)
        classes = torch.zeros(max([0, *ids, *about]) + 1, dtype=torch.int64)
        for i, (category, _) in about.items():
            classes[i] = category
        width = WIDTH if len(ids) % WIDTH == 0 else len(ids)
        arguments += [pixels.reshape(-1, width), classes]
    return tuple(arguments)


def image(gt_map, gt_classes, segment_map, classes):
    """The arguments of a case, from maps as arrays and classes by number."""
    case = []
    for ids, about in ((gt_map, gt_classes), (segment_map, classes)):
        there = sorted({*ids.flatten().tolist()} - {0})
        case += [ids.flatten().tolist(), {i: (int(about[i]), 0) for i in there}]
    return ([tuple(case)],)


def street(random):
    """Blocks of 2 x 2 pixels; a part of the blocks is predicted wrongly, some pixels are void."""
    height = int(random.integers(2, 5))
    blocks = random.integers(1, 6, (height, WIDTH // 2))
    guesses = numpy.where(random.random(blocks.shape) < 0.3, random.integers(0, 6, blocks.shape),
                          blocks)  # fmt: skip
    gt_map, segment_map = (ids.repeat(2, 0).repeat(2, 1) for ids in (blocks, guesses))
    gt_map[random.random(gt_map.shape) < 0.1] = 0
    numbers = random.permutation(9)[:6] + 1  # the prediction numbers its segments anew
    numbers[0] = 0
    classes = random.integers(1, 4, 6)
    named = numpy.zeros(10, dtype=int)
    named[numbers] = numpy.where(random.random(6) < 0.15, 4, classes)
    return image(gt_map, classes, numbers[segment_map], named)


def parts(random):
    """Every segment is one row of 8 pixels, of which 2 to 8 are found: 4 of them are half."""
    n = int(random.integers(3, 7))
    gt_map = numpy.arange(1, n + 1)[:, None].repeat(WIDTH, 1)
    found = numpy.where(numpy.arange(WIDTH) < 2 * random.integers(1, 5, (n, 1)), gt_map, 0)
    classes = random.integers(1, 3, n + 1)
    return image(gt_map, classes, found, classes)


def in_void(random):
    """As `parts`, but the rest is void in the truth, and everything is predicted."""
    n = int(random.integers(3, 7))
    segment_map = numpy.arange(1, n + 1)[:, None].repeat(WIDTH, 1)
    there = numpy.arange(WIDTH) < 2 * random.integers(0, 5, (n, 1))
    classes = random.integers(1, 3, n + 1)
    wrong = numpy.where(random.random(n + 1) < 0.4, 3, classes)
    return image(numpy.where(there, segment_map, 0), classes, segment_map, wrong)


def draw(axes, case, result):
    """The true map above the predicted one: numbers of the segments, coloured by class."""
    gt_map, gt_classes, segment_map, classes = prepare(*case)
    gap = torch.zeros(1, gt_map.shape[1], dtype=torch.int64)
    ids = torch.cat([gt_map, gap, segment_map])
    shown = torch.cat([gt_classes[gt_map], gap, classes[segment_map]]).float()
    axes.imshow(shown.where(ids > 0, torch.nan).numpy(), cmap="Set2", vmin=0, vmax=8)
    for (y, x), number in numpy.ndenumerate(ids.numpy()):
        if y != len(gt_map):
            axes.text(x, y, str(number), ha="center", va="center", fontsize=8)
    axes.set_yticks([(len(gt_map) - 1) / 2, len(gt_map) + len(gt_map) / 2 + 0.5],
                    ["truth", "predicted"])  # fmt: skip
    axes.set_xticks([])
    axes.set_xlabel("PQ {:.3f}, SQ {:.3f}, RQ {:.3f}".format(*numpy.asarray(result)))


EXERCISE = Exercise(
    title="Panoptic quality",
    functions=[panoptic_quality],
    tests=[
        worked("found, missed, invented", 3, CASES, "exact", "two thirds",
               "found, missed, invented", "wrong class"),
        worked("half is not enough", 1, CASES, "exactly half", "half in void",
               "predicted void misses"),
        worked("void", 2, CASES, "void is in no union", "a match thanks to void", "mostly in void",
               "wholly in void", "only void"),
        worked("means over classes", 1, CASES, "means over classes", "means are not multiplied"),
        hidden("a street", 3, street),
        hidden("parts of segments", 2, parts),
        hidden("segments in void", 2, in_void),
    ],
    mistakes={
        hint: wrong for hint, wrong in MISTAKES.items()
        if "crowd" not in hint and "images" not in hint
    },
    prepare=prepare,
    tolerance=(1e-5, 1e-6),
    line_budget=30,
    example=([([1, 1, 1, 4, 4, 2, 2, 0, 1, 1, 1, 4, 4, 2, 2, 0, 5, 4, 4, 4, 4, 4, 4, 0],
               {1: (1, 0), 2: (1, 0), 4: (2, 0), 5: (1, 0)},
               [1, 1, 3, 3, 3, 2, 2, 2, 1, 1, 3, 3, 3, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3],
               {1: (1, 0), 2: (1, 0), 3: (2, 0)})],),
    draw=draw,
)  # fmt: skip

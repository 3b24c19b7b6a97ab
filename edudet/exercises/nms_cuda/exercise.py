"""Exercise: the parallel half of non-maximum suppression, in CUDA."""

import numpy
import torch

from edudet.cases.case import Case
from edudet.cases.ops.nms import CASES, MISTAKES
from edudet.course.exercise import Compiled, Exercise, hidden, worked
from edudet.course.material import boxes_tensor, random_boxes, random_scores
from edudet.exercises.nms.exercise import crowd, exactly_half
from edudet.ops import nms
from edudet.ops.box_iou import box_iou

WORD = 64  # candidates in a word of the mask; threads in a block


def nms_mask(boxes, scores, iou_threshold):
    """What comes out when the kernel's bits are followed, best score first."""
    return nms(boxes, scores, iou_threshold)


def order_of(scores):
    return numpy.argsort(-numpy.asarray(scores), kind="stable")


def num_words(boxes):
    return -(-len(boxes) // WORD)


def pack(boxes, scores, iou_threshold):
    mask = numpy.full((len(boxes), num_words(boxes)), -1, numpy.int64)
    order = order_of(scores)
    return [boxes, order, len(boxes), float(iou_threshold), num_words(boxes), mask]


def launch(boxes, scores, iou_threshold):
    """A block of 64 threads for every 64 candidates against every 64; one for no candidates."""
    words = max(num_words(boxes), 1)
    return [words, words], [WORD], 0


def read(outputs, returned):
    """Follow the bits, candidate by candidate: the half that cannot be done at once."""
    order, mask = outputs
    words = mask.astype(numpy.uint64).tolist()
    dropped, keep = 0, []
    for i, row in enumerate(words):
        if not dropped >> i & 1:
            keep.append(int(order[i]))
            for w in range(i // WORD, len(row)):
                dropped |= row[w] << (WORD * w)
    return numpy.array(keep, numpy.int64)


def several_words(random):
    n = int(random.integers(90, 101))
    return random_boxes(random, n, 32), random_scores(random, n), 0.25


def two_whole_words(random):
    """Twice 64 boxes, each beside its copy in the other word."""
    boxes = random_boxes(random, WORD, 64)
    scores = numpy.arange(2 * WORD, 0, -1) / 256
    return boxes + boxes[::-1], scores.tolist(), 0.5


WORKED = [
    *CASES,
    Case("70 boxes", (
        random_boxes(numpy.random.default_rng(5), 70, 32),
        random_scores(numpy.random.default_rng(6), 70), 0.25,
    ), None),
]  # fmt: skip


def draw(axes, case, result):
    """The bits of all candidates, in their order; rows that were followed in blue."""
    from edudet.draw import COLOURS

    order = order_of(case[1])
    boxes = boxes_tensor(case[0])[order.copy()]
    bits = torch.triu(box_iou(boxes, boxes) > case[2], 1).numpy()
    kept = numpy.isin(order, numpy.asarray(result))
    axes.set_xlabel("would be dropped")
    axes.set_ylabel("if this one is kept")
    if len(order) > 16:
        axes.imshow(numpy.where(kept[:, None], bits, bits * 0.4), cmap="Blues")
        axes.set_yticks(numpy.flatnonzero(kept), order[kept].tolist(), fontsize=5)
        return
    names = [f"{chr(65 + i)}" for i in order]
    for (i, k), bit in numpy.ndenumerate(bits):
        axes.text(k, i, str(int(bit)) if k > i else "·", ha="center", va="center",
                  color=COLOURS["kept"] if kept[i] else "0.6", weight="bold" if bit else "normal")
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_aspect("equal")
    axes.set_title("kept: " + ", ".join(f"{chr(65 + int(i))}" for i in result))


EXERCISE = Exercise(
    title="Non-maximum suppression, in CUDA",
    functions=[nms_mask],
    language="cuda",
    compiled=Compiled(pack, outputs=[1, 5], fresh=[5], read=read, launch=launch),
    tests=[
        worked("one object or two", 2, CASES, "one", "two apart", "duplicate", "none"),
        worked("five boxes by hand", 3, CASES, "by hand", "a dropped box suppresses nobody"),
        worked("on the threshold", 1, CASES, "exactly on the threshold", "just above",
               "threshold 1", "threshold 0"),
        worked("unusual boxes and scores", 1, CASES, "empty boxes", "negative scores",
               "negative corner", "tall and wide", "inside a larger one", "equal scores"),
        worked("more than one word", 2, WORKED, "by hand", "70 boxes"),
        hidden("a crowd", 2, crowd),
        hidden("exactly half covered", 1, exactly_half),
        hidden("several words", 2, several_words, calls=2),
        hidden("two whole words", 1, two_whole_words, calls=2),
    ],
    mistakes=MISTAKES,
    prepare=lambda boxes, scores, threshold: (
        boxes_tensor(boxes), torch.tensor(scores, dtype=torch.float32), threshold
    ),
    line_budget=30,
    example=next(case.args for case in CASES if case.name == "by hand"),
    draw=draw,
)  # fmt: skip

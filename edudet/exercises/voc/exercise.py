"""Exercise: VOC's mean average precision over images and classes."""

import torch

from edudet.cases.metrics.voc import CASES, MISTAKES, A, B, C, D
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import boxes_tensor, numbers_agree, scores_tensor
from edudet.metrics import voc_map as library_voc_map


def voc_map(ground_truth, detections, iou_threshold, year):
    """Return the mean average precision of PASCAL VOC: the mean of the classes' AP.

    ground_truth    one dict for each image: "boxes" (M, 4) float32 xyxy, "labels" (M,) int64
    detections      one dict for each image, in the same order: "boxes" (N, 4), "scores" (N,)
                    float32, "labels" (N,)
    iou_threshold   for the matching by VOC's rule
    year            2007: AP of 11 points; 2010: of the whole area

    Returns a number: the mean over the classes that have objects. There is one at least.
    """
    return library_voc_map(ground_truth, detections, iou_threshold, year).mean


def truth(random, labels):
    """Objects beside each other, ten pixels wide."""
    return [([12 * i, 0, 12 * i + 10, 10], int(random.choice(labels))) for i in range(4)]


def answers(random, objects, labels, levels):
    """Some objects well framed, some badly or twice, some with the wrong label, one of nothing."""
    found = []
    for (x1, y1, x2, y2), label in objects:
        for _ in range(random.integers(0, 3)):
            box = [x1 + int(random.integers(-1, 7)), y1, x2, y2]
            said = label if random.random() < 0.75 else int(random.choice(labels))
            found.append((box, said))
    found.append(([0, 80, 10, 90], int(random.choice(labels))))
    scores = random.permutation(levels)[: len(found)] / levels
    return [(box, float(s), said) for (box, said), s in zip(found, scores, strict=True)]


def data_set(random, labels, year, levels=64):
    """Three images; scores differ within each and, a matter of the images' order, between them."""
    images = [truth(random, labels) for _ in range(3)]
    images[0][0] = (images[0][0][0], labels[0])
    said = [answers(random, image, [*labels, 9], levels) for image in images]
    place = [i / (4 * levels) for i in range(3)]
    said = [[(b, s + place[i], c) for b, s, c in one] for i, one in enumerate(said)]
    return images, said, float(random.choice([0.5, 0.625])), year


def one_class(random):
    return data_set(random, [1], int(random.choice([2007, 2010])))


def classes_2010(random):
    return data_set(random, [1, 2, 3], 2010)


def classes_2007(random):
    return data_set(random, [1, 2, 3], 2007)


def mean_of(mistake):
    return lambda *case: mistake(*case)[1]


def prepare(ground_truth, detections, threshold, year):
    def labels(column):
        return torch.tensor(column, dtype=torch.int64)

    found = [
        {"boxes": boxes_tensor([d[0] for d in image]), "labels": labels([d[2] for d in image]),
         "scores": scores_tensor([d[1] for d in image])} for image in detections
    ]
    wanted = [
        {"boxes": boxes_tensor([o[0] for o in image]), "labels": labels([o[1] for o in image])}
        for image in ground_truth
    ]
    return wanted, found, threshold, year


def draw(axes, case, result):
    """The images below each other: objects dashed, detections with label and score."""
    from edudet.draw import COLOURS, draw_boxes  # needs matplotlib, which checking does not

    for number, (objects, said) in enumerate(zip(case[0], case[1], strict=True)):
        down = torch.tensor([0, 16, 0, 16]) * number
        draw_boxes(axes, boxes_tensor([o[0] for o in objects]) + down, "truth", dashed=True)
        draw_boxes(axes, boxes_tensor([d[0] for d in said]) + down, "kept")
        for (_, _, x2, y2), label in objects:
            axes.text(x2, y2 + down[1], f"{label} ", fontsize=8, color=COLOURS["truth"], ha="right")
        for i, ((x1, y1, _, _), score, label) in enumerate(said):
            place = x1, y1 + 3 * (i % 3) + down[1]
            axes.text(*place, f" {label}: {score:.3g}", fontsize=8, va="top",
                      color=COLOURS["kept"])  # fmt: skip
        axes.text(-3, 16 * number + 5, f"image {number}", fontsize=8, rotation=90, va="center")
    axes.set_xlim(-5, 75)
    axes.set_ylim(16 * len(case[0]), -2)
    axes.set_axis_off()
    axes.set_title(f"objects dashed; mAP {float(result):.4g}, {case[3]}")


EXERCISE = Exercise(
    title="VOC's mean average precision",
    functions=[voc_map],
    tests=[
        worked("four detections of one class", 3, CASES, "the 4th best is wrong, 2010",
               "the 3rd best is wrong, 2010", "the 2nd best is wrong, 2007"),
        worked("more classes", 2, CASES, "the mean of two classes", "the wrong label",
               "a class without objects", "a class that nobody found"),
        worked("matching and sorting", 2, CASES, "found twice", "sorted over all images",
               "exactly on the threshold"),
        hidden("one class", 2, one_class),
        hidden("three classes, 2010", 3, classes_2010),
        hidden("three classes, 2007", 2, classes_2007),
    ],
    mistakes={hint: mean_of(mistake) for hint, mistake in MISTAKES.items()
              if hint != "difficult objects count like others"},
    prepare=prepare,
    tolerance=(1e-6, 1e-6),
    agree=numbers_agree(1e-6, 1e-6),
    given=["match_detections", "precision_recall", "average_precision"],
    line_budget=25,
    example=([[(A, 1), (B, 2)], [(A, 1), (D, 2)]],
             [[(A, 0.875, 1), ([2, 0, 12, 10], 0.5, 1), ([19, 0, 29, 10], 0.75, 2)],
              [([1, 0, 11, 10], 0.25, 1), (C, 0.625, 1)]], 0.5, 2010),
    draw=draw,
)  # fmt: skip

"""Exercise: COCO's average precision of one class, at one IoU threshold, in one range of areas."""

import numpy
import torch

from edudet.cases.case import Case
from edudet.cases.metrics.coco_metrics import CASES, MISTAKES, truth
from edudet.cases.metrics.coco_metrics import found as found_records
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import boxes_tensor, numbers_agree, scores_tensor
from edudet.metrics.coco import AREAS, IOU_THRESHOLDS
from edudet.metrics.coco_metrics import coco_evaluate
from edudet.ops import box_iou


def coco_ap(ground_truth, detections, iou_threshold, smallest, largest):
    """Return COCO's average precision of one class, at one IoU threshold, for one range of areas.

    ground_truth        one dict for each image: "boxes" (M, 4) float32 xyxy, "crowd" (M,) bool
    detections          one dict for each image, in the same order: "boxes" (N, 4) float32 xyxy,
                        "scores" (N,) float32
    iou_threshold       an overlap of this much is enough
    smallest, largest   limits of the area of a box; both belong to the range

    Returns a number: the AP of 101 points, or -1 where there is no object to find.
    """
    images = range(len(detections))
    objects = [
        {"image_id": i, "bbox": box, "iscrowd": int(crowd), "category_id": 1}
        for i in images
        for box, crowd in zip(
            _xywh(ground_truth[i]["boxes"]), ground_truth[i]["crowd"], strict=True
        )
    ]
    said = [
        {"image_id": i, "bbox": box, "score": float(score), "category_id": 1}
        for i in images
        for box, score in zip(_xywh(detections[i]["boxes"]), detections[i]["scores"], strict=True)
    ]
    records = {
        "images": [{"id": i} for i in images], "categories": [{"id": 1}],
        "annotations": [{"id": n, **one} for n, one in enumerate(objects, 1)],
    }
    curves = coco_evaluate(records, said)
    area = next(k for k, name in enumerate(curves.areas) if AREAS[name] == (smallest, largest))
    threshold = int(abs(IOU_THRESHOLDS - iou_threshold).argmin())
    return float(curves.precision[threshold, :, 0, area, -1].mean())


def _xywh(boxes):
    return torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1).tolist()


def records(objects, said):
    """Lists of (box, crowd) and of (box, score), one for each image -> COCO's records."""
    return (
        truth(*((i, _one_xywh(box), {"iscrowd": int(crowd)})
                for i, image in enumerate(objects) for box, crowd in image),
              images=range(len(objects))),
        found_records(*((i, _one_xywh(box), score)
                        for i, image in enumerate(said) for box, score in image)),
    )  # fmt: skip


def _one_xywh(box):
    return [*box[:2], box[2] - box[0], box[3] - box[1]]


def narrowed(name, threshold=0.5, area="all"):
    """A case of the cases, of its one class."""
    wanted, said = next(case.args for case in CASES if case.name == name)
    ids = sorted(image["id"] for image in wanted["images"])

    def of_image(parts, i, key):
        return [
            ([x, y, x + w, y + h], part[key])
            for part in parts if part["image_id"] == i for x, y, w, h in [part["bbox"]]
        ]

    return Case(f"{name}, {threshold}, {area}", (
        [of_image(wanted["annotations"], i, "iscrowd") for i in ids],
        [of_image(said, i, "score") for i in ids],
        threshold, *AREAS[area],
    ), None)  # fmt: skip


SIDES = (16, 24, 32, 32, 48, 64, 96, 96, 104)


def image(random, levels, crowds):
    """Objects of all sizes, detections around them, in crowds and nowhere."""
    objects, said = [], []
    for _ in range(random.integers(1, 4)):
        (x, y), (w, h) = random.integers(0, 120, 2).tolist(), random.choice(SIDES, 2).tolist()
        if random.integers(2):
            h = w
        is_crowd = bool(random.random() < crowds)
        objects.append(([x, y, x + w, y + h], is_crowd))
        for _ in range(random.integers(0, 3)):
            off = (random.integers(-2, 3, 4) * numpy.array([w, h, w, h]) // 16).tolist()
            corners = [a + b for a, b in zip([x, y, x + w, y + h], off, strict=True)]
            if is_crowd:
                corners = [x, y, x + w // 2, y + h // 2]
            said.append((corners, float(random.integers(1, levels) / levels)))
    side = int(random.choice(SIDES))
    said.append(([300, 0, 300 + side, side], float(random.integers(1, levels) / levels)))
    return objects, said


def data_set(random, area, threshold, levels=1024, crowds=0.2):
    """Four images without ties of overlaps; the number to find is no multiple of five, so that no
    recall lies on a level but for 0, 1/4, 1/2, 3/4 and 1."""
    while True:
        images = [image(random, levels, crowds) for _ in range(4)]
        objects, said = [one[0] for one in images], [one[1] for one in images]
        low, high = AREAS[area]
        wanted = [
            box for one in objects for box, crowd in one
            if not crowd and low <= (box[2] - box[0]) * (box[3] - box[1]) <= high
        ]
        if len(wanted) % 5 and not any(_has_ties(*one) for one in images):
            return objects, said, threshold, low, high


def _has_ties(objects, said):
    overlaps = box_iou(*(boxes_tensor([box for box, _ in part]) for part in (said, objects)))
    return any(len(row[row > 0].unique()) < (row > 0).sum() for row in overlaps)


def all_areas(random):
    return data_set(random, "all", float(random.choice([0.5, 0.75])), crowds=0)


def with_crowds(random):
    return data_set(random, "all", 0.5, crowds=0.5)


def ranges(random):
    return data_set(random, str(random.choice(["small", "medium", "large"])), 0.5)


def equal_scores(random):
    return data_set(random, "all", 0.5, levels=4)


def prepare(objects, said, threshold, smallest, largest):
    detections = [
        {"boxes": boxes_tensor([box for box, _ in image]),
         "scores": scores_tensor([score for _, score in image])} for image in said
    ]
    ground_truth = [
        {"boxes": boxes_tensor([box for box, _ in image]),
         "crowd": torch.tensor([bool(crowd) for _, crowd in image], dtype=torch.bool)}
        for image in objects
    ]
    return ground_truth, detections, threshold, smallest, largest


def of_records(mistake):
    def answer(objects, said, threshold, smallest, largest):
        wanted, found = records(objects, said)
        found = [{**one, "score": float(numpy.float32(one["score"]))} for one in found]
        return mistake(wanted, found, one=(threshold, smallest, largest))

    return answer


def draw(axes, case, result):
    """The images beside each other: objects dashed, crowds grey, detections with their scores."""
    from edudet.draw import COLOURS, draw_boxes  # needs matplotlib, which checking does not

    start, bottom = 0, 0
    for objects, said in zip(case[0], case[1], strict=True):
        right = torch.tensor([start, 0, start, 0])
        for box, crowd in objects:
            draw_boxes(axes, boxes_tensor([box]) + right, "faint" if crowd else "truth",
                       dashed=True)  # fmt: skip
        draw_boxes(axes, boxes_tensor([box for box, _ in said]) + right, "kept")
        for i, ((x1, y1, _, _), score) in enumerate(said):
            axes.text(start + x1 + 1, y1 + 1 + 8 * (i % 3), f"{score:.3g}", fontsize=7, va="top",
                      color=COLOURS["kept"])  # fmt: skip
        corners = boxes_tensor([box for box, _ in [*said, *objects]])
        start += (corners[:, 2].max().item() if len(corners) else 0) + 20
        bottom = max(bottom, corners[:, 3].max().item() if len(corners) else 0)
        axes.axvline(start - 10, color=COLOURS["faint"], linewidth=0.5)
    axes.set_xlim(-5, start)
    axes.set_ylim(bottom + 5, -15)
    axes.set_aspect("equal")
    axes.set_xlabel(f"IoU {case[2]:g}, areas {case[3]:g} to {case[4]:g}: AP {float(result):.4g}")


ASKED = [
    "an area of exactly 32^2 is medium only; it is small, too",
    "crowds count like other objects",
    "a detection whose best object is taken looks for the best free one",
    "an object is found more than once",
    "101 levels of recall, not 11",
    "detections of all images are sorted together",
    "a wrong detection outside the range of areas does not count",
    "of equal scores, the right ones are put first",
]
VISIBLE = [
    [narrowed("the 4th best is wrong"), narrowed("the 3rd best is wrong"),
     narrowed("found twice, and another one later"), narrowed("nothing found")],
    [narrowed("IoU .8", 0.75), narrowed("the best free object"), narrowed("equal scores"),
     narrowed("equal scores in an image"), narrowed("nothing to find")],
    [narrowed("in a crowd"), narrowed("nothing found")],
    [narrowed("an area of exactly 32^2", area="small"), narrowed("an area of exactly 32^2"),
     narrowed("an area of exactly 32^2", area="large"),
     narrowed("outside the range of areas", area="small"), narrowed("outside the range of areas"),
     narrowed("outside the range of areas", area="medium")],
]  # fmt: skip

EXERCISE = Exercise(
    title="COCO's average precision",
    functions=[coco_ap],
    tests=[
        worked("ranked detections", 2, VISIBLE[0]),
        worked("who claims which object", 2, VISIBLE[1]),
        worked("a crowd", 1, VISIBLE[2]),
        worked("ranges of areas", 2, VISIBLE[3]),
        hidden("many images", 2, all_areas),
        hidden("images with crowds", 2, with_crowds),
        hidden("small, medium, large", 3, ranges, calls=6),
        hidden("equal scores", 1, equal_scores),
    ],
    mistakes={hint: of_records(MISTAKES[hint]) for hint in ASKED},
    prepare=prepare,
    tolerance=(1e-6, 1e-6),
    agree=numbers_agree(1e-6, 1e-6),
    given=["box_iou", "average_precision"],
    line_budget=40,
    example=(
        [[([2, 0, 32, 30], False), ([44, 0, 110, 66], True)], [([0, 0, 20, 20], False)]],
        [[([0, 0, 30, 30], 0.875), ([4, 0, 36, 30], 0.75), ([50, 40, 75, 62], 0.625)],
         [([0, 0, 18, 20], 0.5), ([50, 50, 60, 60], 0.25)]],
        0.5, *AREAS["all"],
    ),
    draw=draw,
)  # fmt: skip

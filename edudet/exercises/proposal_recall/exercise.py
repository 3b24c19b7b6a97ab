"""Exercise: how many objects the first n proposals find."""

from edudet import metrics
from edudet.cases.metrics.proposal_recall import CASES, MISTAKES
from edudet.course.exercise import Exercise, Test, hidden, worked
from edudet.course.material import boxes_tensor, random_boxes


def proposal_recall(gt_boxes, proposals, counts, iou_threshold):
    """Return the share of objects that the first n proposals of their image find, for each n.

    Args:
        gt_boxes: a list with, for each image, the (M, 4) float32 boxes (x1, y1, x2, y2) of its
            objects; M may be 0.
        proposals: a list with, for each image, (N, 4) boxes, best first. N differs from image to
            image and may be 0.
        counts: a list of integers n. Where an image has fewer proposals, all of them count.
        iou_threshold: an object is found if a proposal has an IoU of *at least* this with it.

    Returns:
        (len(counts),) floats. Objects of all images are pooled. -1 where there is no object at all.
    """
    return metrics.proposal_recall(gt_boxes, proposals, counts, iou_threshold)


def prepare(gt_boxes, proposals, counts, iou_threshold):
    objects, boxes = ([boxes_tensor(image) for image in part] for part in (gt_boxes, proposals))
    return objects, boxes, list(counts), iou_threshold


def near(random, objects, n):
    """`n` boxes, every second one an object moved by a pixel, or less."""
    boxes = random_boxes(random, n, 16, 2)
    for k in range(0, n, 2):
        if objects:
            x1, y1, x2, y2 = objects[int(random.integers(len(objects)))]
            a, b = random.integers(0, 2, 2).tolist()
            boxes[k] = [x1 - a, y1 - b, x2 + b, y2 + a]
    return boxes


def images(random, sizes, most=5):
    objects = [random_boxes(random, n, 16, 3) for n in sizes]
    proposals = [near(random, some, int(random.integers(1, most + 4))) for some in objects]
    return objects, proposals, [0, 1, 2, 4, 6, 20], float(random.choice([0.25, 0.5, 0.75]))


def one_image(random):
    return images(random, [int(random.integers(2, 6))])


def several_images(random):
    return images(random, random.integers(1, 5, 3).tolist())


def with_empty_images(random):
    """Images without objects or without proposals; in the last call there is no object at all."""
    calls = [images(random, sizes) for sizes in ([3, 0, 2], [0, 4, 1], [0, 0, 0])]
    for _, proposals, *_ in calls:
        proposals[2] = []
    calls[0][1][0][0] = calls[0][0][0][0]  # so that one is found
    return calls


def halves(random):
    """Proposals that cover exactly half of an object: on the threshold, and below the other."""
    objects = [[box[0], box[1], box[2], 2 * box[3] - box[1]]
               for box in random_boxes(random, 5, 16, 2)]  # fmt: skip
    boxes = [[x1, y1, x2, (y1 + y2) // 2] for x1, y1, x2, y2 in objects]
    random.shuffle(boxes)
    return [([objects], [boxes], [1, 2, 3, 4, 5], threshold) for threshold in (0.5, 0.75)]


def draw(axes, case, result):
    from edudet.draw import draw_boxes  # needs matplotlib, which checking does not

    objects, proposals, counts, _ = prepare(*case)
    right, low = 0.0, 1.0
    for things, boxes in zip(objects, proposals, strict=True):
        shift = boxes.new_tensor([right, 0, right, 0])
        draw_boxes(axes, things + shift, "truth", width=4, alpha=0.6)
        draw_boxes(axes, boxes + shift)
        for i, (x1, y1, _, _) in enumerate((boxes + shift).tolist()):
            axes.text(x1 + 0.1, y1 + 0.1, str(i + 1), va="top", fontsize=9, color="#0072B2")
        both = [part for part in (boxes, things) if len(part)]
        right += max((float(part[:, 2].max()) for part in both), default=0) + 2
        low = max([low, *(float(part[:, 3].max()) for part in both)])
    axes.set_xlim(-1, right)
    axes.set_ylim(low + 1, -1)
    axes.set_aspect("equal")
    pairs = zip(counts, result, strict=True)
    axes.set_title("recall of the first " + ", ".join(f"{n}: {float(r):.3g}" for n, r in pairs))


EXERCISE = Exercise(
    title="Recall of proposals",
    functions=[proposal_recall],
    tests=[
        worked("one object", 1, CASES, "found", "missed", "no proposals", "just below",
               "exactly on the threshold", "a later one is better"),
        worked("more and more proposals", 2, CASES, "more and more", "found twice",
               "one box for two", "an empty box is never found"),
        worked("several images", 2, CASES, "images are pooled", "the first n of each image",
               "no proposal helps another image", "no objects"),
        hidden("one image", 2, one_image),
        hidden("three images", 3, several_images),
        Test("images without objects or proposals", 1, with_empty_images),
        Test("on the threshold", 1, halves),
    ],
    mistakes=MISTAKES,
    prepare=prepare,
    tolerance=(1e-6, 1e-6),
    given=["box_iou"],
    line_budget=14,
    example=(
        [[[1, 0, 5, 5], [9, 1, 14, 4], [14, 7, 17, 11]]],
        [[[1, 1, 5, 5], [8, 6, 12, 9], [9, 1, 13, 4], [0, 7, 5, 11]]], [1, 2, 3, 4], 0.5,
    ),
    draw=draw,
)  # fmt: skip

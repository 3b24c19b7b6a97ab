"""Worked examples of recall: (objects and proposals of each image, counts, threshold) -> shares."""

from edudet.cases.case import Case

A, B, C, D = [0, 0, 4, 4], [8, 0, 12, 4], [0, 8, 4, 12], [8, 8, 12, 12]
HALF_A, MOST_OF_A, NOWHERE = [0, 0, 4, 2], [0, 0, 4, 3], [20, 20, 24, 24]

CASES = [
    Case("found", ([[A]], [[A]], [1], 0.5), [1.0]),
    Case("missed", ([[A]], [[NOWHERE]], [1], 0.5), [0.0]),
    Case("no proposals", ([[A]], [[]], [1], 0.5), [0.0]),
    Case("no objects", ([[]], [[A]], [1], 0.5), [-1.0], "0/0: undefined is -1"),
    Case("no images", ([], [], [1, 2], 0.5), [-1.0, -1.0]),
    Case("more and more", ([[A, B, C, D]], [[B, NOWHERE, A, C]], [0, 1, 2, 3, 4, 5], 0.5),
         [0.0, 0.25, 0.25, 0.5, 0.75, 0.75], "D is never found"),
    Case("exactly on the threshold", ([[A]], [[HALF_A]], [1], 0.5), [1.0], "IoU 8/16 is enough"),
    Case("just below", ([[A]], [[HALF_A]], [1], 0.75), [0.0]),
    Case("a later one is better", ([[A]], [[HALF_A, MOST_OF_A]], [1, 2], 0.75), [0.0, 1.0]),
    Case("found twice", ([[A, B]], [[A, A]], [2], 0.5), [0.5], "still one object"),
    Case("one box for two", ([[A, MOST_OF_A]], [[A]], [1], 0.5), [1.0],
         "a proposal is a place to look at: it may serve two objects"),
    Case("images are pooled", ([[A], [B, C, D]], [[A], [NOWHERE]], [1], 0.5), [0.25],
         "1 of 4; the mean of the images' recalls would be 1/2"),
    Case("the first n of each image", ([[A], [B]], [[NOWHERE, A], [B]], [1], 0.5), [0.5]),
    Case("no proposal helps another image", ([[B], [A]], [[A], [B]], [1], 0.5), [0.0]),
    Case("an empty box is never found", ([[[1, 1, 1, 1]]], [[[1, 1, 1, 1]]], [1], 0.5), [0.0]),
]


def _iou(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    inter = max(width, 0) * max(height, 0)
    union = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) - inter
    return inter / union if union else 0.0


def _recall(
    gt_boxes, proposals, counts, threshold, *, found=lambda iou, t: iou >= t, divide=None,
    once=False, empty=-1.0, pooled=True,
):
    """Recall with one part exchanged; `divide(found, objects, proposals)` makes the share."""
    divide = divide or (lambda hits, objects, boxes: hits / objects if objects else empty)
    results = []
    for count in counts:
        hits, objects, boxes = [], [], []
        for image_boxes, image_objects in zip(proposals, gt_boxes, strict=True):
            left = list(image_boxes[:count])
            number = 0
            for thing in image_objects:
                serving = [box for box in left if found(_iou(box, thing), threshold)]
                number += bool(serving)
                if serving and once:
                    left.remove(serving[0])
            hits.append(number)
            objects.append(len(image_objects))
            boxes.append(len(image_boxes[:count]))
        if pooled or not hits:
            results.append(divide(sum(hits), sum(objects), sum(boxes)))
        else:
            shares = [h / n for h, n in zip(hits, objects, strict=True) if n]
            results.append(sum(shares) / len(shares) if shares else empty)
    return results


def _counted_together(gt_boxes, proposals, counts, threshold):
    results = []
    for count in counts:
        left, kept = count, []
        for boxes in proposals:
            kept.append(boxes[:left])
            left -= len(kept[-1])
        results += _recall(gt_boxes, kept, [count], threshold)
    return results


def _hits(gt_boxes, proposals, counts, threshold):
    """Counts proposals that hit, not objects that are hit."""
    return [
        -1.0 if not sum(map(len, gt_boxes)) else sum(
            any(_iou(box, thing) >= threshold for thing in things)
            for boxes, things in zip(proposals, gt_boxes, strict=True) for box in boxes[:count]
        ) / sum(map(len, gt_boxes))
        for count in counts
    ]


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "found means IoU >= threshold, not more than it": lambda *a: _recall(
        *a, found=lambda iou, t: iou > t
    ),
    "divided by the number of proposals: that is precision": lambda *a: _recall(
        *a, divide=lambda hits, objects, boxes: (hits / boxes if boxes else 0.0) if objects else -1.
    ),
    "a proposal may serve one object only": lambda *a: _recall(*a, once=True),
    "nothing to find counts as 1": lambda *a: _recall(*a, empty=1.0),
    "the images' recalls are averaged; objects are pooled": lambda *a: _recall(*a, pooled=False),
    "the first n of all images together; here of each": _counted_together,
    "hits are counted, not objects that are hit": _hits,
    "n is ignored": lambda g, p, counts, t: _recall(g, p, [len(max(p, key=len, default=[]))], t)
    * len(counts),
}

import math

import numpy as np
import pytest
import torch

from edudet.cases.metrics.match_detections import (
    CASES,
    MISTAKES,
    MISTAKES_OF_POOLING,
    POOLED,
)
from edudet.metrics import Confusion, match_detections
from edudet.metrics.match_detections import RULES
from edudet.ops import box_iou


def tensors(gt_boxes, boxes, scores, threshold, rule, ignore, device="cpu", dtype=torch.float32):
    gt_boxes, boxes = (
        torch.tensor(b, dtype=dtype, device=device).reshape(-1, 4) for b in (gt_boxes, boxes)
    )
    ignore = None if ignore is None else torch.tensor(ignore, device=device)
    scores = torch.tensor(scores, dtype=dtype, device=device)
    return gt_boxes, boxes, scores, threshold, rule, ignore


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(device, dtype, case):
    found = match_detections(*tensors(*case.args, device, dtype))
    claims = (found.detections.tolist(), found.ground_truths.tolist(), found.ignored.tolist())
    assert claims == case.expected
    assert found.detections.dtype == found.ground_truths.dtype == torch.int64


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_cases_catch_mistakes(mistake):
    assert any(mistake(*case.args) != case.expected for case in CASES)


def image(predicted, objects, right):
    """`predicted` detections and `objects` objects of which the first `right` coincide."""
    places = torch.arange(max(predicted, objects) * 2.0)[:, None] * 20 + torch.tensor(
        [0.0, 0, 10, 10]
    )
    gt_boxes = places[:objects]
    boxes = torch.cat([places[:right], places[objects : objects + predicted - right]])
    return match_detections(gt_boxes, boxes, torch.ones(predicted))


def test_pooled_over_images():
    matches = [image(*counts) for counts in POOLED.args[0]]
    pooled = sum((m.counts for m in matches), Confusion())
    assert (pooled.precision, pooled.recall) == POOLED.expected
    for mistake in MISTAKES_OF_POOLING.values():
        assert mistake(*POOLED.args) == pytest.approx((0.625, 5 / 12))


def random_image(seed):
    generator = torch.Generator().manual_seed(seed)
    corners = torch.randint(0, 10, (14, 2), generator=generator)
    sides = torch.randint(0, 12, (14, 2), generator=generator)
    boxes = torch.cat([corners, corners + sides], 1).double()
    scores = torch.randint(0, 5, (9,), generator=generator).double()
    return boxes[9:], boxes[:9], scores, torch.rand(5, generator=generator) < 0.3


@pytest.mark.parametrize("rule", RULES)
def test_properties(rule):
    for seed in range(60):
        gt_boxes, boxes, scores, ignore = random_image(seed)
        found = match_detections(gt_boxes, boxes, scores, 0.3, rule, ignore)
        judged = found.detections[~found.ignored & (found.detections >= 0)].tolist()
        assert len(set(judged)) == len(judged), "an object is found once"
        assert found.counts.tp == (found.ground_truths >= 0).sum() == len(judged)
        assert not found.gt_ignore[found.ground_truths >= 0].any()
        for i, j in enumerate(found.ground_truths.tolist(), 0):
            assert j < 0 or found.detections[j] == i
        if rule != "coco":
            iou = box_iou(boxes, gt_boxes)
            claimed = found.detections >= 0
            assert (iou[claimed, found.detections[claimed]] >= 0.3).all()


def test_pycocotools_agrees():
    COCOeval = pytest.importorskip("pycocotools.cocoeval").COCOeval
    for seed in range(60):
        gt_boxes, boxes, scores, crowd = random_image(seed)
        evaluation = COCOeval(iouType="bbox")
        params = evaluation.params
        params.imgIds, params.catIds, params.iouThrs = [1], [1], np.array([0.3])

        def records(rows, **more):
            xywh = torch.cat([rows[:, :2], rows[:, 2:] - rows[:, :2]], 1).tolist()
            return [
                {"id": i + 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 0, "ignore": 0}
                | {key: value[i].item() for key, value in more.items()}
                for i, box in enumerate(xywh)
            ]

        evaluation._gts[1, 1] = records(gt_boxes, iscrowd=crowd, ignore=crowd)
        evaluation._dts[1, 1] = records(boxes, score=scores)
        evaluation.ious = {(1, 1): evaluation.computeIoU(1, 1)}
        theirs = evaluation.evaluateImg(1, 1, [0, 1e10], 100)
        found = match_detections(gt_boxes, boxes, scores, 0.3, "coco", crowd)
        order = [i - 1 for i in theirs["dtIds"]]
        assert found.detections[order].tolist() == (theirs["dtMatches"][0] - 1).tolist()
        assert found.ignored[order].tolist() == theirs["dtIgnore"][0].tolist()


BOX = torch.tensor([[0.0, 0, 1, 1]])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"boxes": [[0, 0, 1, 1]]}, TypeError, "boxes must be a Tensor, got list"),
        ({"gt_boxes": torch.ones(4)}, ValueError, r"gt_boxes must have shape \(N, 4\), got \(4,\)"),
        ({"scores": torch.ones(2)}, ValueError, r"scores must have shape \(1,\), .* got \(2,\)"),
        (
            {"scores": torch.tensor([math.nan])},
            ValueError,
            r"scores\[0\] must be a number, got nan",
        ),
        ({"gt_ignore": torch.ones(2).bool()}, ValueError, r"gt_ignore must have shape \(1,\)"),
        ({"boxes": BOX.flip(1)}, ValueError, r"boxes\[0\] must have x1 <= x2 .* \(x, y, w, h\)\?"),
        ({"boxes": BOX.long()}, ValueError, "boxes must have dtype float32, .* got int64"),
        ({"iou_threshold": 50}, ValueError, r"iou_threshold must lie in \[0, 1\], got 50"),
        ({"rule": "best"}, ValueError, "rule must be one of voc, coco, pairs, got 'best'"),
    ],
)
def test_errors(change, error, message):
    arguments = {"gt_boxes": BOX, "boxes": BOX, "scores": torch.ones(1)} | change
    with pytest.raises(error, match="^match_detections: " + message):
        match_detections(**arguments)


def test_the_truth_is_the_first_argument():
    """Predictions first, as it was once, does not pass silently: scores are no boxes."""
    with pytest.raises(ValueError, match=r"boxes must have shape \(N, 4\), got \(1,\)"):
        match_detections(BOX, torch.ones(1), BOX)
    two = torch.cat([BOX, BOX + 1])
    with pytest.raises(ValueError, match=r"scores must have shape \(1,\), one for each of boxes"):
        match_detections(two, BOX, torch.ones(2))
    assert match_detections(BOX, two, torch.ones(2)).detections.tolist() == [0, -1]

"""Cascade R-CNN: what each stage is given, learns from, and says."""

import pytest
import torch
from models.scene_of_blocks import batch, without_objects

from edudet.boxes import decode_deltas
from edudet.models.small import cascade_rcnn_small
from edudet.models.small.two_stage import (
    small_backbone,
    small_box_branch,
    small_rpn,
    small_transform,
)
from edudet.models.two_stage.cascade_rcnn import (
    CascadeRCNN,
    ClassAgnosticPredictor,
    moved_boxes,
)
from edudet.ops import box_iou


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return cascade_rcnn_small(3)


def test_losses_of_every_stage_reach_every_weight(model):
    images, targets = batch(2)
    losses = model.train()(images, targets)
    stages = {f"loss_{name}_{i}" for name in ("classifier", "box_reg") for i in (1, 2, 3)}
    assert losses.keys() == stages | {"loss_objectness", "loss_rpn_box_reg"}
    sum(losses.values()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


def test_each_stage_is_stricter_and_learns_from_the_boxes_of_the_one_before(model):
    images, targets = batch(2)
    keep = {}
    model.train()(images, targets, keep=keep)
    for number, (threshold, weight) in enumerate([(0.5, 10), (0.6, 20), (0.7, 30)], 1):
        branch, seen = model.stages[number - 1], keep[f"stage_{number}"]
        assert branch.fg_iou_thresh == threshold and branch.weights[0] == weight
        for sampled, target in zip(seen["roi_targets"], targets, strict=True):
            best = box_iou(sampled.rois, target["boxes"]).amax(1)
            assert ((best >= threshold) == (sampled.labels > 0)).all()
            back = decode_deltas(sampled.deltas, sampled.rois, branch.weights)
            objects = sampled.labels > 0
            assert objects.any()
            expected = target["boxes"][sampled.gt_indices[objects]]
            torch.testing.assert_close(back[objects], expected, atol=1e-3, rtol=0)
        if number < 3:
            moved = moved_boxes(branch, seen["deltas"], seen["rois"], [(64, 64)] * 2)
            given = keep[f"stage_{number + 1}"]["proposals"]
            for boxes, following, sampled, target in zip(
                moved, given, seen["roi_targets"], targets, strict=True
            ):
                was_gt = (box_iou(sampled.rois, target["boxes"]) == 1).any(1)
                assert was_gt.any() and torch.equal(boxes[~was_gt], following)


def test_moved_boxes_by_hand():
    branch = cascade_rcnn_small(3).stages[1]  # weights (20, 20, 10, 10)
    rois = [torch.tensor([[0.0, 0, 10, 20]]), torch.tensor([[20.0, 20, 40, 40]])]
    deltas = torch.tensor([[10.0, 0, 0, 0], [0, -20, 0, 10 * 0.6931472]]).repeat(1, 3)
    first, second = moved_boxes(branch, deltas.requires_grad_(), rois, [(64, 64), (30, 64)])
    # dx = 10 / 20: half a width to the right.
    assert first.tolist() == [[5, 0, 15, 20]]
    # dy = -1: one height up, centre at y = 10; twice as high: -10 to 30, cut off at 0.
    torch.testing.assert_close(second, torch.tensor([[20.0, 0, 40, 30]]))
    assert not first.requires_grad


def test_one_box_for_all_classes():
    torch.manual_seed(0)
    logits, deltas = ClassAgnosticPredictor(8, 5)(torch.randn(3, 8))
    assert logits.shape == (3, 5) and deltas.shape == (3, 20)
    assert torch.equal(deltas[:, :4], deltas[:, 16:])


def test_scores_are_the_mean_of_the_three_stages_on_the_last_boxes(model):
    images, _ = batch(2)
    keep = {}
    with torch.no_grad():
        found = model.eval()(images, keep=keep)
        rois, maps = keep["rois"], keep["maps"]
        probabilities = [
            branch(maps, rois, [(64, 64)] * 2)[0].softmax(-1) for branch in model.stages
        ]
    mean = sum(probabilities) / 3
    torch.testing.assert_close(keep["scores"], mean)
    assert (keep["stage_2"]["deltas"] != keep["stage_3"]["deltas"]).any()
    every = mean[:, 1:].flatten()
    for one in found:
        assert len(one["scores"]) > 0
        nearest = (one["scores"][:, None] - every).abs().amin(1)
        assert (nearest < 1e-5).all()
        assert (one["scores"].diff() <= 0).all()


def test_an_image_without_objects(model):
    images, targets = batch(2)
    losses = model.train()(images, [without_objects(target) for target in targets])
    assert all(loss.isfinite() for loss in losses.values())
    assert all(losses[f"loss_box_reg_{i}"] == 0 for i in (1, 2, 3))


def test_boxes_that_leave_the_image_are_given_up():
    model = cascade_rcnn_small(3)
    with torch.no_grad():
        model.box_branch.predictor.bbox_pred.bias[0] = 500  # 50 widths to the right
    images, targets = batch(2)
    keep = {}
    losses = model.train()(images, targets, keep=keep)
    assert all(loss.isfinite() for loss in losses.values())
    assert all(len(boxes) == 0 for boxes in keep["stage_2"]["proposals"])
    assert all(
        len(rois) == len(t["boxes"])
        for rois, t in zip(keep["stage_2"]["rois"], targets, strict=True)
    )
    with torch.no_grad():
        assert [len(one["boxes"]) for one in model.eval()(images)] == [0, 0]


def test_the_number_of_stages():
    branch = small_box_branch(3)
    parts = small_backbone(), small_transform(), small_rpn()
    with pytest.raises(ValueError, match=r"CascadeRCNN: stages must be 1 to 3 .*, got 4"):
        CascadeRCNN(*parts, [branch] * 4)

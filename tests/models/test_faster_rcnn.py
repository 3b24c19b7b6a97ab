"""Faster R-CNN: proposals, losses, detections, and what goes in and out."""

import pytest
import torch
from models.scene_of_blocks import batch, without_objects
from torch.testing import assert_close

from edudet.models.small.two_stage import (
    faster_rcnn_small,
    small_backbone,
    small_rpn,
    small_transform,
)
from edudet.models.two_stage.faster_rcnn import RPNHead
from edudet.ops import box_iou, nms
from edudet.targets import rpn_targets

LOSSES = {"loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg"}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return faster_rcnn_small(3)


def losses_of(model, images, targets, keep=None):
    model.train().zero_grad(set_to_none=True)
    losses = model(images, targets, keep=keep)
    sum(losses.values()).backward()
    return losses


def assert_learns(model, losses):
    assert losses.keys() == LOSSES
    assert all(loss.shape == () and loss.isfinite() for loss in losses.values())
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


def test_losses_reach_every_weight(model):
    assert_learns(model, losses_of(model, *batch(3)))
    still = [name for name, p in model.named_parameters() if not p.grad.any()]
    assert not still


def test_images_without_objects(model):
    images, targets = batch(3)
    nothing = [without_objects(target) for target in targets]
    losses = losses_of(model, images, nothing)
    assert_learns(model, losses)
    assert losses["loss_rpn_box_reg"] == losses["loss_box_reg"] == 0
    assert losses["loss_objectness"] > 0 and losses["loss_classifier"] > 0
    assert_learns(model, losses_of(model, images, [nothing[0], *targets[1:]]))


def objects_on(boxes, labels=1, seed=0):
    boxes = torch.as_tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    return {"boxes": boxes, "labels": torch.full((len(boxes),), labels), "seed": seed}


@pytest.mark.parametrize("box", [(5, 5, 6, 6), (0, 0, 2, 1), (63, 47, 64, 48), (5.2, 5.2, 5.3, 60)])
def test_boxes_of_one_pixel_and_less(model, box):
    keep = {}
    losses = losses_of(model, [torch.rand(3, 48, 64)], [objects_on([box])], keep)
    assert_learns(model, losses)
    assert losses["loss_box_reg"].isfinite() and (keep["roi_targets"][0].labels > 0).any()


def test_a_thousand_objects(model):
    corner = torch.rand(1000, 2, generator=torch.Generator().manual_seed(0)) * 110
    target = objects_on(torch.cat([corner, corner + 3 + corner.flip(0) / 10], 1), 2)
    assert_learns(model, losses_of(model, [torch.rand(3, 128, 128)], [target]))


def test_images_of_different_size(model):
    sizes = [(64, 96), (40, 40), (17, 100), (16, 16)]
    images = [torch.rand(3, *size) for size in sizes]
    keep = {}
    losses = losses_of(model, images, [objects_on([(2, 2, 12, 14)])] * 4, keep)
    assert_learns(model, losses)
    assert keep["batch"].images.shape == (4, 3, 64, 112) and keep["batch"].sizes == sizes
    for boxes, (height, width) in zip(keep["proposals"], sizes, strict=True):
        assert len(boxes) and boxes.min() >= 0
        assert boxes[:, 2].max() <= width and boxes[:, 3].max() <= height


def test_the_draw_is_the_images_own(model):
    """Losses of a batch with seeds do not depend on torch's own random numbers."""
    images, targets = batch(2)
    first = losses_of(model, images, targets)
    torch.manual_seed(99)
    assert_close(losses_of(model, images, targets), first, rtol=0, atol=1e-6)
    for target in targets:
        del target["seed"]
    torch.manual_seed(1)
    one = losses_of(model, images, targets)
    torch.manual_seed(2)
    assert losses_of(model, images, targets)["loss_objectness"] != one["loss_objectness"]


@pytest.fixture(scope="module")
def talkative():
    """Finds something on any image; float64, so that a batch rounds as an image alone."""
    torch.manual_seed(0)
    model = faster_rcnn_small(3, score_thresh=0.0, nms_thresh=0.3, detections_per_img=20)
    return model.double().eval()


def found_on(model, images):
    with torch.no_grad():
        return model([image.double() for image in images])


def test_detections_do_not_depend_on_order_and_company(talkative):
    images, _ = batch(4)
    found = found_on(talkative, images)
    back = found_on(talkative, images[::-1])[::-1]
    alone = [found_on(talkative, [image])[0] for image in images]
    assert_close(back, found, rtol=0, atol=1e-9)
    assert_close(alone, found, rtol=0, atol=1e-9)
    assert not torch.equal(found[0]["boxes"], found[1]["boxes"])


def test_detections_are_best_first_inside_and_apart(talkative):
    images = [batch(1)[0][0], torch.rand(3, 30, 90)]
    for one, image in zip(found_on(talkative, images), images, strict=True):
        assert one.keys() == {"boxes", "labels", "scores"} and 0 < len(one["boxes"]) <= 20
        assert one["labels"].dtype == torch.int64 and set(one["labels"].tolist()) <= {1, 2}
        assert torch.equal(one["scores"], one["scores"].sort(descending=True).values)
        height, width = image.shape[-2:]
        x1, y1, x2, y2 = one["boxes"].unbind(1)
        assert (x1 >= 0).all() and (x1 < x2).all() and (x2 <= width).all()
        assert (y1 >= 0).all() and (y1 < y2).all() and (y2 <= height).all()
        for label in (1, 2):
            mine = one["labels"] == label
            kept = nms(one["boxes"][mine], one["scores"][mine], 0.3)
            assert len(kept) == mine.sum()


def test_targets_change_nothing_in_evaluation(talkative):
    images, targets = batch(2)
    images = [image.double() for image in images]
    with torch.no_grad():
        assert_close(talkative(images, targets), talkative(images))


def test_nothing_above_the_threshold(talkative):
    talkative.box_branch.score_thresh = 1.0
    (found,) = found_on(talkative, batch(1)[0])
    talkative.box_branch.score_thresh = 0.0
    assert [tuple(found[name].shape) for name in ("boxes", "labels", "scores")] == [
        (0, 4),
        (0,),
        (0,),
    ]


def test_intermediates(model):
    images, targets = batch(2)
    keep = {}
    losses_of(model, images, targets, keep)
    anchors = sum(len(one) for one in keep["anchors"])
    assert anchors == 3 * (16**2 + 8**2 + 4**2)
    assert [tuple(one.shape) for one in keep["maps"]] == [(2, 64, s, s) for s in (16, 8, 4)]
    assert [tuple(one.shape) for one in keep["objectness"]] == [(2, 3 * s * s) for s in (16, 8, 4)]
    assert [one.shape[-1] for one in keep["anchor_deltas"]] == [4, 4, 4]
    for boxes, scores in zip(keep["proposals"], keep["proposal_scores"], strict=True):
        assert 0 < len(boxes) <= 200 and scores.shape == boxes.shape[:1]
        assert torch.equal(scores, scores.sort(descending=True).values)
    assert [one.labels.shape for one in keep["rpn_targets"]] == [(anchors,)] * 2
    count = sum(len(rois) for rois in keep["rois"])
    assert count == sum(len(one.labels) for one in keep["roi_targets"])
    assert keep["roi_features"].shape == (count, 64, 7, 7)
    assert keep["class_logits"].shape == (count, 3) and keep["deltas"].shape == (count, 12)
    assert keep["batch"].images.shape == (2, 3, 64, 64)


IMAGE, GOOD = torch.zeros(3, 32, 32), objects_on([(1, 2, 5, 6)])


@pytest.mark.parametrize(
    ("images", "targets", "error", "message"),
    [
        ([IMAGE], None, ValueError, "FasterRCNN: targets must be given for each of the 1 images"),
        ([IMAGE], [GOOD, GOOD], ValueError, "each of the 1 images in training, got 2"),
        ([IMAGE], [objects_on([(5, 2, 1, 6)])], ValueError, r"\[0\]\['boxes'\]\[0\] must be"),
        ([IMAGE], [objects_on([(1, 2, 1, 6)])], ValueError, "with a width and a height, got"),
        ([IMAGE], [objects_on([(1, 2, float("nan"), 6)])], ValueError, "must be finite"),
        ([IMAGE], [GOOD | {"labels": torch.zeros(2)}], ValueError, r"here \(1,\), got \(2,\)"),
        ([IMAGE], [objects_on([(1, 2, 5, 6)], 0)], ValueError, "0 is background"),
        ([IMAGE], [objects_on([(1, 2, 5, 6)], 3)], ValueError, "labels"),
        ([IMAGE[0]], [GOOD], ValueError, r"must have shape \(3, H, W\), got \(32, 32\)"),
        ([IMAGE[:1]], [GOOD], ValueError, r"got \(1, 32, 32\)"),
        ([IMAGE.byte()], [GOOD], TypeError, r"must be a float tensor in \[0, 1\], got torch.uint8"),
        ([], [], TypeError, "images must be a list of at least one tensor"),
    ],
)  # fmt: skip
def test_bad_inputs(model, images, targets, error, message):
    model.train()
    with pytest.raises(error, match=message):
        model(images, targets)


def test_head_keeps_the_order_of_the_anchors():
    """Cell by cell, anchor by anchor: a bias for each shows which is which."""
    head = RPNHead(2, 3)
    for layer in (head.cls_logits, head.bbox_pred):
        torch.nn.init.zeros_(layer.weight)
        layer.bias.data = torch.arange(len(layer.bias)).float()
    torch.nn.init.ones_(head.cls_logits.weight[0])
    (logits,), (deltas,) = head([torch.rand(2, 2, 4, 5)])
    assert logits.shape == (2, 60) and deltas.shape == (2, 60, 4)
    assert torch.equal(deltas, torch.arange(12.0).reshape(3, 4).repeat(20, 1).expand(2, 60, 4))
    assert torch.equal(logits.reshape(2, 20, 3)[..., 1:], torch.tensor([1.0, 2]).expand(2, 20, 2))
    assert logits.reshape(2, 20, 3)[..., 0].unique().numel() > 20


def test_rpn_overfits_one_image():
    torch.manual_seed(0)
    backbone, rpn = small_backbone(), small_rpn()
    transform = small_transform()
    image = torch.full((3, 64, 64), 0.5)
    boxes = torch.tensor([[6.0, 10, 32, 34], [40, 38, 53, 50]])
    for x1, y1, x2, y2 in boxes.int().tolist():
        image[:, y1:y2, x1:x2] = torch.tensor([1.0, 0.2, 0.1])[:, None, None]
    batch_of_one = transform([image], [objects_on(boxes)])
    parameters = [*backbone.parameters(), *rpn.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=2e-3)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        _, both = rpn(batch_of_one, backbone(batch_of_one.images))
        loss = sum(both.values())
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0]
    keep = {}
    with torch.no_grad():
        (proposals,), _ = rpn.eval()(batch_of_one, backbone(batch_of_one.images), keep)
    assert (box_iou(boxes, proposals[:10]).max(1).values > 0.8).all(), "both among the first ten"
    # Of what it has been told about, it knows everything.
    labels = rpn_targets(torch.cat(keep["anchors"]), boxes, size=10**6).labels
    scores = torch.cat(keep["objectness"], 1)[0].sigmoid()
    assert scores[labels == 1].min() > 0.8 and (scores[labels == 0] < 0.2).float().mean() > 0.99


def test_a_crowd_is_no_object_and_no_background(model):
    crowd = torch.tensor([[8.0, 8.0, 40.0, 40.0]])
    target = objects_on([(44, 4, 60, 20), *crowd.tolist()], labels=2)
    target["iscrowd"] = torch.tensor([False, True])
    keep = {}
    losses_of(model, [torch.rand(3, 48, 64)], [target], keep)
    (sampled,), (rois,) = keep["rpn_targets"], keep["roi_targets"]
    anchors = torch.cat(keep["anchors"])
    for boxes, labels in ((anchors, sampled.labels), (rois.rois, rois.labels)):
        width = boxes[:, 2].clamp(8, 40) - boxes[:, 0].clamp(8, 40)
        height = boxes[:, 3].clamp(8, 40) - boxes[:, 1].clamp(8, 40)
        area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        assert not (labels[width * height > 0.5 * area] == 0).any()
    assert (sampled.gt_indices <= 0).all() and (rois.gt_indices <= 0).all()
    assert torch.equal(target["iscrowd"], torch.tensor([False, True])), "the input is unchanged"


def test_a_crowd_alone_leaves_an_image_without_objects(model):
    target = objects_on([(8, 8, 40, 40)])
    target["iscrowd"] = torch.tensor([True])
    losses = losses_of(model, [torch.rand(3, 48, 64)], [target])
    assert_learns(model, losses)
    assert losses["loss_rpn_box_reg"] == losses["loss_box_reg"] == 0

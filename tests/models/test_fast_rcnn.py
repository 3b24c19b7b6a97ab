"""Fast R-CNN: proposals from elsewhere, one map, two heads."""

import math

import pytest
import torch
from models.scene_of_blocks import batch, without_objects
from torch.testing import assert_close

from edudet.models.small.two_stage import (
    fast_rcnn_small,
    small_backbone,
    small_box_branch,
    small_transform,
)
from edudet.models.two_stage.fast_rcnn import FastRCNN, FastRCNNPredictor, TwoMLPHead

NAMES = {"loss_classifier", "loss_box_reg"}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return fast_rcnn_small(3)


def losses_of(model, images, targets, keep=None):
    model.train().zero_grad(set_to_none=True)
    losses = model(images, targets, keep=keep)
    sum(losses.values()).backward()
    return losses


def test_losses_reach_every_weight(model):
    images, targets = batch(3)
    large = torch.tensor([[2.0, 2, 40, 40], [0, 0, 63, 63]])  # taken from the two coarser maps
    targets[0]["proposals"] = torch.cat([targets[0]["proposals"], large])
    losses = losses_of(model, images, targets)
    assert losses.keys() == NAMES and all(loss.isfinite() for loss in losses.values())
    still = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still


def test_nobody_knows_anything_at_first(model):
    """Random heads of three classes: the loss is near ln 3."""
    losses = losses_of(model, *batch(2))
    assert abs(losses["loss_classifier"].item() - math.log(3)) < 0.5


def test_images_without_objects(model):
    images, targets = batch(2)
    losses = losses_of(model, images, [without_objects(target) for target in targets])
    assert losses["loss_box_reg"] == 0 and losses["loss_classifier"] > 0
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


def test_no_proposals(model):
    images, targets = batch(2)
    targets = [target | {"proposals": torch.zeros(0, 4)} for target in targets]
    keep = {}
    losses = losses_of(model, images, targets, keep)
    assert [len(rois) for rois in keep["rois"]] == [len(t["boxes"]) for t in targets]
    assert all(loss.isfinite() for loss in losses.values())
    with torch.no_grad():
        found = model.eval()(images, targets)
    assert [tuple(one["boxes"].shape) for one in found] == [(0, 4)] * 2


def test_alpha_weighs_the_two_losses():
    """alpha S + (1 - alpha) R, in parts: half of each at 1/2, the classes alone at 1."""
    torch.manual_seed(0)
    plain = fast_rcnn_small(3)
    images, targets = batch(2)
    both = losses_of(plain, images, targets)
    for alpha in (0.5, 0.8, 1.0):
        plain.box_branch.alpha = alpha
        weighed = losses_of(plain, images, targets)
        expected = {
            "loss_classifier": alpha * both["loss_classifier"],
            "loss_box_reg": (1 - alpha) * both["loss_box_reg"],
        }
        assert_close(weighed, expected, rtol=1e-5, atol=1e-7)


def test_proposals_are_asked_for_where_there_are_none():
    torch.manual_seed(0)
    asked = []

    def propose(image):
        asked.append(tuple(image.shape))
        return torch.tensor([[0.0, 0, 20, 20], [5, 5, 40, 30]])

    model = FastRCNN(small_backbone(), small_transform(), small_box_branch(3), propose)
    keep = {}
    with torch.no_grad():
        model.eval()([torch.rand(3, 48, 64)], keep=keep)
    assert asked == [(3, 48, 64)] and len(keep["rois"][0]) == 2
    images, targets = batch(1)
    with torch.no_grad():
        model(images, targets)
    assert len(asked) == 1  # the target brought its own


def test_proposals_move_with_a_resized_image():
    torch.manual_seed(0)
    model = fast_rcnn_small(3, score_thresh=0.0).eval()
    model.transform.min_sizes = (128,)
    images, targets = batch(1)
    keep = {}
    with torch.no_grad():
        (found,) = model(images, targets, keep=keep)
    assert_close(keep["rois"][0], targets[0]["proposals"] * 2)
    assert found["boxes"].max() <= 64 and found["boxes"].max() > 32  # back on the original


def test_intermediates(model):
    keep = {}
    losses_of(model, *batch(2), keep)
    count = sum(len(rois) for rois in keep["rois"])
    assert keep["roi_features"].shape == (count, 64, 7, 7)
    assert keep["class_logits"].shape == (count, 3) and keep["deltas"].shape == (count, 12)
    assert [tuple(one.shape) for one in keep["maps"]] == [(2, 64, s, s) for s in (16, 8, 4)]


def test_detections_decode_only_the_class_that_passes():
    """Head biases alone decide: class 2 above the threshold, its box moved by its own deltas."""
    branch = small_box_branch(3)
    for layer in (branch.predictor.cls_score, branch.predictor.bbox_pred):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    branch.predictor.cls_score.bias.data[2] = 3.0
    branch.predictor.bbox_pred.bias.data[8] = 1.0  # d_x of class 2; weight 10
    roi = torch.tensor([[10.0, 10, 30, 30]])
    logits, deltas = branch.predictor(torch.zeros(1, 256))
    branch.score_thresh = 0.2
    (found,) = branch.detections(logits, deltas, [roi], [(64, 64)])
    assert found["labels"].tolist() == [2]
    assert_close(found["scores"], torch.tensor([math.exp(3) / (math.exp(3) + 2)]))
    assert_close(found["boxes"], torch.tensor([[12.0, 10, 32, 30]]))  # 0.1 of the width of 20


def test_a_proposal_is_missing(model):
    images, targets = batch(2, proposals=0)
    model.propose = None
    with pytest.raises(ValueError, match=r"targets\[0\] must have 'proposals' \(P, 4\)"):
        model.eval()(images, targets)
    with pytest.raises(ValueError, match="FastRCNN: targets must be given"):
        model.train()(images)


def test_heads_by_shape():
    head = TwoMLPHead(4 * 7 * 7, 16)
    assert head(torch.rand(5, 4, 7, 7)).shape == (5, 16)
    logits, deltas = FastRCNNPredictor(16, 3)(torch.rand(5, 16))
    assert logits.shape == (5, 3) and deltas.shape == (5, 12)

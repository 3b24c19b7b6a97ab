"""Keypoint R-CNN: a cell for each joint, and back to pixels."""

import math

import pytest
import torch
from models.calibrated import torchvision_detection
from torch.testing import assert_close

from edudet.models.small import keypoint_rcnn_small
from edudet.models.two_stage.keypoint_rcnn import KeypointPredictor, heatmaps_to_keypoints

LOSSES = {
    "loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg", "loss_keypoint"
}  # fmt: skip


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return keypoint_rcnn_small(2, 5)


def scene(count=2, size=(64, 80), seed=0, joints=5):
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=generator) * 30
    sides = 10 + torch.rand(count, 2, generator=generator) * 20
    keypoints = torch.full((count, joints, 3), 2.0)
    places = torch.rand(count, joints, 2, generator=generator)
    keypoints[..., :2] = corner[:, None] + places * sides[:, None]
    target = {
        "boxes": torch.cat([corner, corner + sides], 1),
        "labels": torch.ones(count, dtype=torch.int64),
        "keypoints": keypoints,
        "seed": seed,
    }
    return torch.rand(3, *size, generator=generator), target


def losses_of(model, *scenes, keep=None):
    model.train().zero_grad(set_to_none=True)
    images, targets = zip(*scenes, strict=True)
    losses = model(list(images), list(targets), keep=keep)
    sum(losses.values()).backward()
    return losses


@pytest.mark.parametrize(
    ("box", "place"),
    [
        # a cell of the 4 x 4 map is 2 x 2 pixels; the peak of cell (1, 2) is at its centre
        ((10.0, 20.0, 18.0, 28.0), (10 + 5, 20 + 3)),
        # a cell is one pixel
        ((0.0, 0.0, 4.0, 4.0), (2.5, 1.5)),
        # 3.5 px wide: seen as 4 whole pixels, of which each is 3.5 / 4 wide
        ((0.0, 0.0, 3.5, 4.0), (2.5 * 3.5 / 4, 1.5)),
    ],
)
def test_a_peak_by_hand(box, place):
    heatmaps = torch.zeros(1, 2, 4, 4)
    heatmaps[0, :, 1, 2] = torch.tensor([7.0, 9.0])
    keypoints, scores = heatmaps_to_keypoints(heatmaps, torch.tensor([box]))
    x, y, one = keypoints[0, 0].tolist()
    # Bicubic from 4 to 8 pixels has its two largest pixels on both sides of the centre.
    near = 0.5 if box[2] - box[0] == 8 else 1e-6
    assert abs(x - place[0]) <= near and abs(y - place[1]) <= near and one == 1
    assert torch.equal(keypoints[0, 0], keypoints[0, 1]) and scores[0, 1] > scores[0, 0] > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_places_are_those_of_torchvision(dtype):
    torchvision_detection()
    from torchvision.models.detection.roi_heads import heatmaps_to_keypoints as theirs

    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(12, 2, generator=generator) * 90
    side = 0.02 * 8000 ** torch.rand(12, 2, generator=generator)
    boxes = torch.cat([corner, corner + side], 1).to(dtype)
    heatmaps = torch.randn(12, 17, 56, 56, generator=generator).to(dtype)
    keypoints, scores = heatmaps_to_keypoints(heatmaps, boxes)
    expected = theirs(heatmaps, boxes)
    assert keypoints.dtype == scores.dtype == torch.float32  # as there, also for float64
    assert_close((keypoints, scores), expected, rtol=0, atol=0)


def test_no_boxes():
    keypoints, scores = heatmaps_to_keypoints(torch.zeros(0, 17, 56, 56), torch.zeros(0, 4))
    assert keypoints.shape == (0, 17, 3) and scores.shape == (0, 17)


def test_predictor_makes_four_times_the_size():
    assert KeypointPredictor(4, 17)(torch.rand(5, 4, 14, 14)).shape == (5, 17, 56, 56)
    assert KeypointPredictor(4, 17, enlarge=1)(torch.rand(5, 4, 14, 14)).shape == (5, 17, 28, 28)


def unlabelled(scene):
    image, target = scene
    return image, target | {"keypoints": torch.zeros_like(target["keypoints"])}


def without_objects(scene):
    image, target = scene
    return image, {name: target[name][:0] for name in ("boxes", "labels", "keypoints")} | {
        "seed": 0
    }


NOTHING_TO_LEARN = {"none at all": without_objects, "no joint labelled": unlabelled}


@pytest.mark.parametrize("case", ["joints", *NOTHING_TO_LEARN])
def test_losses_are_finite_and_reach_every_weight(model, case):
    change = NOTHING_TO_LEARN.get(case, lambda one: one)
    losses = losses_of(model, change(scene(2)), change(scene(3, (96, 48), 1)))
    assert losses.keys() == LOSSES
    assert all(loss.isfinite() for loss in losses.values())
    assert (losses["loss_keypoint"] == 0) == (case != "joints")
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        if case == "joints":
            assert parameter.grad.any() or "bbox_pred" in name, name


def test_targets_that_do_not_fit(model):
    image, target = scene()
    without = {key: value for key, value in target.items() if key != "keypoints"}
    with pytest.raises(ValueError, match=r"KeypointRCNN: targets\[0\] must have 'keypoints', got"):
        model.train()([image], [without])
    with pytest.raises(ValueError, match=r"\[.keypoints.\] must .*, here \(2, 5, 3\), got"):
        model.train()([image], [target | {"keypoints": target["keypoints"][:, :4]}])


def test_an_unlabelled_joint_teaches_nothing(model):
    image, target = scene(1)
    target["keypoints"][0, 3, 2] = 0
    losses_of(model, (image, target))
    gradient = model.keypoint_predictor.kps_score_lowres.weight.grad.abs().sum((0, 2, 3))
    assert gradient[3] == 0 and gradient[[0, 1, 2, 4]].min() > 0


def test_intermediates(model):
    keep = {}
    losses_of(model, scene(2), scene(1, seed=3), keep=keep)
    count = sum(len(rois) for rois in keep["keypoint_rois"])
    assert count >= 3
    assert keep["keypoint_logits"].shape == (count, 5, 28, 28)
    assert keep["keypoint_cells"].shape == (count, 5)
    assert keep["keypoint_cells"].min() >= 0 and keep["keypoint_cells"].max() < 28 * 28


def test_detections(model):
    model.eval()
    model.box_branch.score_thresh = 0.0
    with torch.no_grad():
        (found,) = model([scene(2)[0]])
    count = len(found["boxes"])
    assert count > 0 and found["keypoints"].shape == (count, 5, 3)
    assert found["keypoints_scores"].shape == (count, 5)
    assert (found["keypoints"][..., 2] == 1).all()
    x1, y1, x2, y2 = found["boxes"][:, None].unbind(-1)
    x, y, _ = found["keypoints"].unbind(-1)
    # A box narrower than a pixel is seen as one pixel: up to half of it may lie outside.
    assert ((x >= x1 - 1e-3) & (x <= torch.maximum(x2, x1 + 1) + 1e-3)).all()
    assert ((y >= y1 - 1e-3) & (y <= torch.maximum(y2, y1 + 1) + 1e-3)).all()
    model.box_branch.score_thresh = 0.05


def test_joints_are_learnt():
    torch.manual_seed(0)
    model = keypoint_rcnn_small(2, 5)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    first = losses_of(model, scene(2))["loss_keypoint"].item()
    assert abs(first - math.log(28 * 28)) < 2  # knows nothing yet: every cell alike
    for _ in range(4):
        optimizer.step()
        last = losses_of(model, scene(2))["loss_keypoint"].item()
    assert last < 0.97 * first

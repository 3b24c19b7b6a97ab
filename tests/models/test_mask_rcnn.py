"""Mask R-CNN: a mask for each detection, pasted where its box lies."""

import pytest
import torch
from models.calibrated import torchvision_detection
from torch.testing import assert_close

from edudet.models.small import mask_rcnn_small
from edudet.models.two_stage.mask_rcnn import MaskPredictor, paste_masks


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return mask_rcnn_small(3)


def scene(count=2, size=(64, 80), seed=0):
    """An image, and objects that fill their boxes."""
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=generator) * 30
    boxes = torch.cat(
        [corner, corner + 10 + torch.rand(count, 2, generator=generator) * 20], 1
    ).round()
    masks = torch.zeros(count, *size, dtype=torch.bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes.int().tolist(), strict=True):
        mask[y1:y2, x1:x2] = True
    labels = torch.randint(1, 3, (count,), generator=generator)
    image = torch.rand(3, *size, generator=generator)
    return image, {"boxes": boxes, "labels": labels, "masks": masks, "seed": seed}


def test_a_mask_that_fills_its_box_fades_out_around_it():
    """M = 2: the box grows by 4 / 2; from (4, 6, 8, 8) to (2, 5, 10, 9), 9 x 5 pixels."""
    pasted = paste_masks(torch.ones(1, 1, 2, 2), torch.tensor([[4.0, 6.0, 8.0, 8.0]]), (12, 14))
    assert pasted.shape == (1, 1, 12, 14)
    # The mask 0 1 1 0, stretched to 5 rows and 9 columns: the weight of each pixel's centre.
    rows = torch.tensor([0.0, 0.7, 1.0, 0.7, 0.0])
    at = ((torch.arange(9) + 0.5) * 4 / 9 - 0.5).clamp(min=0)
    columns = torch.minimum(at, 3 - at).clamp(0, 1)
    expected = torch.zeros(12, 14)
    expected[5:10, 2:11] = rows[:, None] * columns
    assert_close(pasted[0, 0], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pasting_is_that_of_torchvision(dtype):
    torchvision_detection()
    from torchvision.models.detection.roi_heads import paste_masks_in_image

    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(30, 2, generator=generator) * torch.tensor([90.0, 60.0])
    side = 0.02 * 4000 ** torch.rand(30, 2, generator=generator)  # from a fiftieth of a pixel
    boxes = torch.cat([corner, (corner + side).clamp(max=90)], 1)
    boxes[:, 3].clamp_(max=60)
    masks = torch.rand(30, 1, 28, 28, generator=generator)
    expected = paste_masks_in_image(masks.to(dtype), boxes.to(dtype), (60, 90))
    pasted = paste_masks(masks.to(dtype), boxes.to(dtype), (60, 90))
    assert pasted.dtype == dtype
    assert_close(pasted, expected, rtol=0, atol=0)


def test_no_masks():
    pasted = paste_masks(torch.zeros(0, 1, 28, 28), torch.zeros(0, 4), (5, 7))
    assert pasted.shape == (0, 1, 5, 7)


def test_predictor_doubles_the_size():
    assert MaskPredictor(4, 6, 3)(torch.rand(5, 4, 14, 14)).shape == (5, 3, 28, 28)


def losses_of(model, *scenes, keep=None):
    model.train().zero_grad(set_to_none=True)
    images, targets = zip(*scenes, strict=True)
    losses = model(list(images), list(targets), keep=keep)
    sum(losses.values()).backward()
    return losses


def without_objects(scene):
    image, target = scene
    return image, {name: target[name][:0] for name in ("boxes", "labels", "masks")} | {"seed": 0}


@pytest.mark.parametrize("case", ["objects", "one without", "none at all"])
def test_losses_are_finite_and_reach_every_weight(model, case):
    scenes = [scene(2, seed=0), scene(3, (96, 48), seed=1)]
    if case != "objects":
        scenes[0] = without_objects(scenes[0])
    if case == "none at all":
        scenes[1] = without_objects(scenes[1])
    losses = losses_of(model, *scenes)
    assert losses.keys() == {
        "loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg", "loss_mask"
    }  # fmt: skip
    assert all(loss.isfinite() for loss in losses.values())
    assert (losses["loss_mask"] == 0) == (case == "none at all")
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        if case != "none at all":
            assert parameter.grad.any() or "bbox_pred" in name, name


def test_only_the_mask_of_the_right_class_is_trained(model):
    image, target = scene(2)
    target["labels"] = torch.tensor([2, 2])
    losses_of(model, (image, target))
    gradient = model.mask_predictor.mask_fcn_logits.bias.grad
    assert gradient[2] != 0 and gradient[0] == gradient[1] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"masks": None}, r"MaskRCNN: targets\[0\] must have 'masks', got boxes, labels, seed"),
        (
            {"masks": torch.zeros(1, 64, 80)},
            r"targets\[0\]\['masks'\] must .*, here \(2, 64, 80\), got \(1, 64, 80\)",
        ),
        ({"labels": None}, r"targets\[0\] must have 'labels', got boxes, masks, seed"),
    ],
)
def test_targets_that_lack_something(model, change, message):
    image, target = scene()
    target = {key: value for key, value in (target | change).items() if value is not None}
    with pytest.raises(ValueError, match=message):
        model.train()([image], [target])


@pytest.mark.parametrize("aligned", [True, False])
def test_aligned_targets_are_read_at_the_centres_of_pixels(aligned):
    """An object of 14 x 14 pixels in a RoI of the same box: every second bin would be a pixel. Read
    half a pixel off, its first and last pixels are told apart from each other."""
    torch.manual_seed(0)
    model = mask_rcnn_small(3)
    model.aligned = aligned
    image, target = scene(1)
    target["boxes"] = torch.tensor([[20.0, 20.0, 34.0, 34.0]])
    target["masks"] = torch.zeros(1, 64, 80, dtype=torch.bool)
    target["masks"][0, 20:34, 20:34] = True
    keep = {}
    model.train()([image], [target], keep)
    (exact,) = (keep["mask_rois"][0] == target["boxes"]).all(1).nonzero()[:1, 0].tolist()
    seen = keep["mask_targets"][exact]  # (28, 28)
    if aligned:
        assert_close(seen, seen.flip(0, 1), rtol=0, atol=1e-6)
    else:  # bins 26 and 27 read 0.25 and 0.75 of a pixel beyond the last centre
        row = seen[14]
        assert row[0] == 1 and row[27].item() == pytest.approx(0.25, abs=1e-5)


def test_resized_targets_without_objects():
    """No masks can be resized, too."""
    model = mask_rcnn_small(3)
    model.transform.min_sizes, model.transform.max_size = (96,), 200
    losses = losses_of(model, without_objects(scene()))
    assert losses["loss_mask"] == 0


def test_intermediates(model):
    keep = {}
    losses_of(model, scene(2), scene(1, seed=3), keep=keep)
    count = sum(len(rois) for rois in keep["mask_rois"])
    assert count >= 3  # the ground truth is among the RoIs
    assert keep["mask_logits"].shape == (count, 3, 28, 28)
    assert keep["mask_targets"].shape == (count, 28, 28)
    assert keep["mask_targets"].min() >= 0 and keep["mask_targets"].max() == 1
    positive = [one.labels > 0 for one in keep["roi_targets"]]
    for rois, one, mine in zip(keep["mask_rois"], keep["roi_targets"], positive, strict=True):
        assert torch.equal(rois, one.rois[mine])


def test_detections(model):
    model.eval()
    model.box_branch.score_thresh = 0.0
    images = [scene(2)[0], scene(1, (48, 64))[0]]
    with torch.no_grad():
        found = model(images)
    for one, image in zip(found, images, strict=True):
        assert one.keys() == {"boxes", "labels", "scores", "masks"}
        assert one["masks"].shape == (len(one["boxes"]), 1, *image.shape[-2:])
        assert len(one["boxes"]) > 0 and 0 <= one["masks"].min() <= one["masks"].max() <= 1
    model.box_branch.score_thresh = 0.05


def test_a_mask_is_learnt():
    """A few steps on one image lower the loss: the target is the object's own mask."""
    torch.manual_seed(0)
    model = mask_rcnn_small(3)
    optimizer = torch.optim.SGD(model.mask_predictor.parameters(), lr=0.2)
    first = losses_of(model, scene(2))["loss_mask"].item()
    for _ in range(4):
        optimizer.step()
        last = losses_of(model, scene(2))["loss_mask"].item()
    assert last < 0.9 * first

"""What every model makes of targets and images as others hold them, and how it refuses mistakes."""

import numpy as np
import pytest
import torch
from models.scene_of_blocks import batch

from edudet import check
from edudet.data import Compose, RandomCrop
from edudet.models.small import (
    cascade_rcnn_small,
    fast_rcnn_small,
    faster_rcnn_small,
    keypoint_rcnn_small,
    mask_rcnn_small,
    rcnn_small,
    rfcn_small,
    spp_net_small,
)
from edudet.models.two_stage import cascade_rcnn, fast_rcnn, faster_rcnn
from edudet.models.two_stage.alternating import PAPER, OneStep
from edudet.nn import transform

MAKERS = {
    "FastRCNN": fast_rcnn_small, "FasterRCNN": faster_rcnn_small, "RFCN": rfcn_small,
    "CascadeRCNN": cascade_rcnn_small, "MaskRCNN": mask_rcnn_small,
    "KeypointRCNN": keypoint_rcnn_small, "RCNN": rcnn_small, "SPPNet": spp_net_small,
    "OneStep": lambda classes: OneStep(faster_rcnn_small(classes), PAPER[1]),
}  # fmt: skip


@pytest.fixture(scope="module", params=MAKERS)
def model(request):
    torch.manual_seed(0)
    return MAKERS[request.param](3).train()


def name_of(model):
    return type(model).__name__


def inputs(count=2):
    """Images with all that any of the models needs."""
    images, targets = batch(count)
    for target in targets:
        number = len(target["boxes"])
        target["masks"] = torch.zeros(number, 64, 64, dtype=torch.bool)
        for mask, (x1, y1, x2, y2) in zip(target["masks"], target["boxes"].int(), strict=True):
            mask[y1:y2, x1:x2] = True
        middle = (target["boxes"][:, None, :2] + target["boxes"][:, None, 2:]) / 2
        visible = torch.full((number, 14, 1), 2.0)
        target["keypoints"] = torch.cat([middle.expand(-1, 14, -1), visible], 2)
    return images, targets


def losses_of(model, images, targets):
    torch.manual_seed(5)
    with torch.no_grad():
        return {key: loss.item() for key, loss in model(images, targets).items()}


FORMS = (torch.Tensor.byte, torch.Tensor.long, lambda flags: flags.int().tolist())


def test_all_forms_of_a_target_train_the_same(model):
    """Crowds as bools and as torchvision's loaders give them: int64, a list; masks as uint8."""
    images, targets = inputs()
    targets[1]["iscrowd"] = torch.tensor([False, True])
    expected = losses_of(model, images, targets)
    without = [target | {"iscrowd": torch.zeros_like(target["iscrowd"])} for target in targets]
    if name_of(model) not in ("RCNN", "SPPNet"):  # these draw few RoIs of images so small
        assert losses_of(model, images, without) != expected, "a crowd is no object"
    for form in FORMS:
        changed = [
            target | {key: form(target[key]) for key in ("iscrowd", "masks")} for target in targets
        ]
        assert losses_of(model, images, changed) == expected
    lists = [
        target | {key: target[key].tolist() for key in ("boxes", "labels", "keypoints", "area")}
        for target in targets
    ]
    assert losses_of(model, images, lists) == expected


def test_whole_numbers_train_as_floats_do(model):
    """Boxes and joints of integers, on a resized image, too: half a pixel must not get lost."""
    images, targets = inputs()
    the_transform = getattr(model, "model", model).transform
    before = the_transform.min_sizes
    the_transform.min_sizes = (96,)
    for target in targets:
        target["keypoints"][..., :2] = target["keypoints"][..., :2].floor()
    expected = losses_of(model, images, targets)
    whole = [
        target | {key: target[key].long() for key in ("boxes", "keypoints")} for target in targets
    ]
    assert losses_of(model, images, whole) == expected
    the_transform.min_sizes = before


def test_a_batch_in_place_of_a_list(model):
    images, targets = inputs()
    assert losses_of(model, torch.stack(images), targets) == losses_of(model, images, targets)


def one_wrong(**change):
    images, targets = inputs()
    return images, [targets[0], targets[1] | change]


def assert_refused(model, images, targets, message, error=ValueError):
    with pytest.raises(error, match=message) as caught:
        losses_of(model, images, targets)
    text = str(caught.value)
    assert text.startswith(f"{name_of(model)}: ") and "tensor(" not in text and len(text) < 300


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": torch.tensor([7, 1])}, r"targets\[1\]\['labels'\]\[0\] must lie in \[1, 2\],"
                                           r" .* got 7$"),
        ({"labels": torch.tensor([1, 0])}, r"targets\[1\]\['labels'\]\[1\] must .*, got 0: do"),
        ({"labels": torch.ones(2)}, r"targets\[1\]\['labels'\] must be integers, got float32"),
        ({"iscrowd": [0, 5]}, r"targets\[1\]\['iscrowd'\]\[1\] must be 0 or 1, got 5"),
        ({"iscrowd": torch.tensor([1])}, r"targets\[1\]\['iscrowd'\] must have shape \(N,\), here"),
        ({"boxes": torch.rand(2, 2).sort(1).values.repeat(1, 2)[:, [0, 2, 1, 3]]},
         r"targets\[1\]\['boxes'\] must be in pixels, .* on an image of 64 x 64 pixels"),
        ({"boxes": torch.tensor([[1, 2, 30, 40], [1, torch.nan, 9, 9]])},
         r"targets\[1\]\['boxes'\]\[1\] must be finite, got \[1, nan, 9, 9\]$"),
        ({"boxes": torch.tensor([[1.0, 2, 30, 40], [20, 20, 9, 9]])},
         r"targets\[1\]\['boxes'\]\[1\] must be .* got \[20, 20, 9, 9\]: is this one \(x, y, w"),
        ({"boxes": torch.zeros(2, 5)}, r"targets\[1\]\['boxes'\] must have shape \(N, 4\), got"),
        ({"masks": torch.ones(2, 8, 8)}, r"targets\[1\]\['masks'\] must have shape \(N, H, W\), "
                                         r"here \(2, 64, 64\), got \(2, 8, 8\)$"),
        ({"masks": torch.ones(1, 64, 64)}, r"targets\[1\]\['masks'\] must .*, got \(1, 64, 64\)$"),
        ({"keypoints": torch.ones(2, 14, 2)}, r"targets\[1\]\['keypoints'\] must .* \(2, 14, 2\)$"),
        ({"keypoints": torch.full((2, 14, 3), torch.inf)},
         r"targets\[1\]\['keypoints'\]\[0, 0\] must be finite"),
        ({"area": torch.ones(3)}, r"targets\[1\]\['area'\] must have shape \(N,\), here \(2,\)"),
        ({"difficult": [0, 9]}, r"targets\[1\]\['difficult'\]\[1\] must be 0 or 1, got 9"),
        ({"visibility": torch.ones(2, 1)}, r"targets\[1\]\['visibility'\] must have shape"),
        ({"depth": torch.ones(1)}, r"targets\[1\]\['depth'\] must have shape"),
        ({"semantic": torch.zeros(8, 8).long()}, r"targets\[1\]\['semantic'\] must have shape"),
        ({"panoptic": torch.zeros(64, 64)}, r"targets\[1\]\['panoptic'\] must be integers"),
        ({"relations": torch.tensor([[0, 0, 2]])}, r"targets\[1\]\['relations'\]\[0\] must name"),
    ],
)  # fmt: skip
def test_every_model_names_the_target_that_is_wrong(model, change, message):
    assert_refused(model, *one_wrong(**change), message)


def test_every_model_names_the_proposals_that_are_wrong(model):
    for proposals, message in (
        (torch.rand(5, 4).sort(1).values, r"targets\[1\]\['proposals'\] must be in pixels"),
        (torch.tensor([[1, 2, 30, torch.nan]]), r"targets\[1\]\['proposals'\]\[0\] must be finite"),
        (torch.tensor([[9.0, 9, 3, 3]]), r"targets\[1\]\['proposals'\]\[0\] must be \(x1, y1, x2"),
        (torch.zeros(3, 5), r"targets\[1\]\['proposals'\] must have shape \(P, 4\), got \(3, 5\)"),
    ):
        assert_refused(model, *one_wrong(proposals=proposals), message)


@pytest.mark.parametrize("name", ["FastRCNN", "RCNN", "SPPNet"])
def test_proposals_are_looked_at_in_evaluation_too(name):
    model = MAKERS[name](3).eval()
    images, targets = inputs()
    given = [{"proposals": target["proposals"]} for target in targets]
    given[1] = {"proposals": given[1]["proposals"] / 64}
    assert_refused(model, images, given, r"targets\[1\]\['proposals'\] must be in pixels")
    assert_refused(model, images, given[:1], "targets must be given for each of the 2 images if")
    given[1] = {"proposals": [[0, 0, 9, 9]], "masks": torch.zeros(2, 8, 8)}
    assert_refused(model, images, given, r"targets\[1\]\['masks'\] must .* got \(2, 8, 8\)")


def test_proposals_may_be_lists():
    model = fast_rcnn_small(3, score_thresh=0.0).eval()
    images, targets = inputs()
    given = [{"proposals": target["proposals"]} for target in targets]
    with torch.no_grad():
        expected = model(images, given)
        lists = [{"proposals": one["proposals"].tolist()} for one in given]
        for a, b in zip(model(images, lists), expected, strict=True):
            assert len(a["boxes"]) and torch.equal(a["boxes"], b["boxes"])


def test_one_step_on_proposals_needs_proposals():
    images, targets = inputs()
    del targets[1]["proposals"]
    message = r"targets\[1\] must have 'proposals', got boxes, labels"
    assert_refused(MAKERS["OneStep"](3), images, targets, message)


@pytest.mark.parametrize("joints", [5, 17])
def test_the_number_of_joints_is_the_models(joints):
    images, targets = one_wrong(keypoints=torch.ones(2, joints, 3))
    message = rf"targets\[1\]\['keypoints'\] must .*, here \(2, 14, 3\), got \(2, {joints}, 3\)"
    assert_refused(keypoint_rcnn_small(3), images, targets, message)


@pytest.mark.parametrize("mode", [True, False])
def test_every_model_refuses_images_that_are_none(model, mode):
    if name_of(model) == "OneStep" and not mode:
        pytest.skip("a step of training has no other mode")
    images, targets = inputs()
    dark = torch.zeros_like(images[0])
    mean = torch.tensor(transform.IMAGENET_MEAN)[:, None, None]
    std = torch.tensor(transform.IMAGENET_STD)[:, None, None]
    cases = [
        ([images[0], 255 * images[1]], ValueError, r"images\[1\] must lie in \[0, 1\], got numbers "
                                                   r".*: do its colours lie in 0 \.\.\. 255\?"),
        ([(dark - mean) / std, images[1]], ValueError, r"images\[0\] must .*: was it normalised"),
        ([images[0], images[1] * torch.nan], ValueError, r"images\[1\] must lie .* nan to nan:"),
        ([images[0], (255 * images[1]).byte()], TypeError, r"images\[1\] must be a float tensor"),
        (images[0], TypeError, r"images must be a list .* or a batch \(N, 3, H, W\), got shape "
                               r"\(3, 64, 64\)$"),
        ("two.png", TypeError, "images must be a list of at least one tensor .*, got str$"),
        ([images[0], images[1][0]], ValueError, r"images\[1\] must have shape \(3, H, W\), got"),
        (torch.zeros(2, 1, 64, 64), ValueError, r"images\[0\] must have shape \(3, H, W\), got"),
    ]
    model.train(mode)
    for given, error, message in cases:
        assert_refused(model, given, targets, message, error)
    model.train()


def test_no_message_prints_the_numbers_of_a_tensor():
    """Where a number was meant, the shape of a tensor says enough."""
    for call in (
        lambda image: check.size("f", size=image), lambda image: check.is_int("f", size=image),
        lambda image: check.is_bool("f", flag=image),
        lambda image: check.per_axis("f", 2, 0, padding=image),
        lambda image: Compose(image), lambda image: RandomCrop(image),
    ):  # fmt: skip
        for image, kind in ((torch.rand(3, 64, 64), "Tensor"), (np.ones((3, 64, 64)), "ndarray")):
            with pytest.raises(TypeError, match=rf"^\w+: .*, got {kind} of shape \(3, 64, 64\)$"):
                call(image)


def test_names_of_random_numbers_are_all_different(monkeypatch):
    """The size, the anchors and the RoIs of every stage are drawn independently of each other."""
    drawn = []

    def spy(target, name, device="cpu"):
        drawn.append(name)
        return original(target, name, device)

    original = transform.generator_of
    for module in (transform, fast_rcnn, faster_rcnn):
        monkeypatch.setattr(module, "generator_of", spy)
    torch.manual_seed(0)
    model = cascade_rcnn_small(3).train()
    model.transform.min_sizes = (48, 64)
    losses_of(model, *inputs(1))
    assert len(drawn) == len(set(drawn)) == 2 + len(cascade_rcnn.IOU_THRESHOLDS)


def test_targets_that_a_model_was_given_stay_as_they_are(model):
    images, targets = inputs()
    targets[1]["iscrowd"] = [0, 1]
    before = [dict(target) for target in targets]
    losses_of(model, images, targets)
    for target, one in zip(targets, before, strict=True):
        assert target.keys() == one.keys()
        assert all(target[key] is one[key] for key in one)

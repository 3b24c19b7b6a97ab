"""From photos to a batch, and the way back."""

import pytest
import torch
from models.calibrated import photos, torchvision_detection
from torch.testing import assert_close

from edudet.nn.transform import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Transform,
    checked_images,
    resize_boxes,
    resize_keypoints,
)


def target_of(height, width, count=2):
    boxes = torch.tensor([[1.0, 2, 9, 12], [4, 0, 16, 6]])[:count]
    masks = torch.zeros(count, height, width, dtype=torch.bool)
    masks[:, 2:7, 3:11] = True
    keypoints = torch.tensor([[[3.0, 4, 2]], [[5, 6, 1]]])[:count]
    labels = torch.ones(count, dtype=torch.int64)
    return {"boxes": boxes, "masks": masks, "keypoints": keypoints, "labels": labels}


def test_normalised_padded_and_put_into_the_corner():
    transform = Transform(None, image_mean=(0.5, 0, 0), image_std=(0.5, 1, 2), size_divisible=16)
    images = [torch.ones(3, 5, 20), torch.full((3, 17, 4), 0.5)]
    batch = transform(images)
    assert batch.images.shape == (2, 3, 32, 32) and batch.sizes == [(5, 20), (17, 4)]
    assert batch.images[0, :, :5, :20].unique(dim=1).flatten(1)[:, 0].tolist() == [1, 1, 0.5]
    assert batch.images[0, :, 5:].eq(0).all() and batch.images[0, :, :, 20:].eq(0).all()
    assert batch.images[1, 0, :17, :4].eq(0).all() and batch.images[1, 1, :17, :4].eq(0.5).all()
    assert batch.targets == []
    assert images[0].eq(1).all()  # not changed in place


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((100, 200), (50, 100)),
        ((200, 100), (100, 50)),
        ((10, 100), (12, 120)),
        ((50, 50), (50, 50)),
    ],
)
def test_short_side_unless_the_long_one_is_too_long(size, expected):
    assert Transform(50, 120)([torch.rand(3, *size)]).sizes == [expected]


def test_targets_move_along():
    transform = Transform(20, 1000)
    target = target_of(10, 20)
    batch = transform([torch.rand(3, 10, 20)], [target])
    (moved,) = batch.targets
    assert moved["boxes"].tolist() == [[2, 4, 18, 24], [8, 0, 32, 12]]
    assert moved["keypoints"].tolist() == [[[6, 8, 2]], [[10, 12, 1]]]
    assert moved["masks"].shape == (2, 20, 40) and moved["masks"].dtype == torch.bool
    assert moved["masks"][:, 4:14, 6:22].all() and moved["masks"].sum() == 2 * 10 * 16
    assert target["boxes"].tolist()[0] == [1, 2, 9, 12]
    nothing = transform([torch.rand(3, 10, 20)], [target_of(10, 20, 0)]).targets[0]
    assert [tuple(nothing[k].shape) for k in ("boxes", "masks", "keypoints")] == [
        (0, 4), (0, 20, 40), (0, 1, 3)
    ]  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_same_as_torchvision_on_photos(dtype):
    torchvision_detection()
    from torchvision.models.detection.transform import GeneralizedRCNNTransform

    images = [image.to(dtype) for image in photos("chelsea", "astronaut")]
    targets = [target_of(*image.shape[-2:]) for image in images]
    theirs = GeneralizedRCNNTransform(200, 280, IMAGENET_MEAN, IMAGENET_STD)
    ours = Transform(200, 280)
    for model in (theirs.eval(), ours.eval()):
        assert not model.training
    expected, moved = theirs(images, [t | {"masks": t["masks"].byte()} for t in targets])
    batch = ours(images, targets)
    assert_close(batch.images, expected.tensors, rtol=0, atol=0)
    assert batch.sizes == [tuple(size) for size in expected.image_sizes]
    for one, other in zip(batch.targets, moved, strict=True):
        for name in ("boxes", "keypoints"):
            assert_close(one[name], other[name], rtol=0, atol=0)
        assert torch.equal(one["masks"], other["masks"].bool())


def test_a_size_is_drawn_in_training_by_the_images_own_seed():
    transform = Transform((20, 30, 40), 1000).train()
    target = {"boxes": torch.zeros(0, 4)}
    image = torch.rand(3, 10, 10)
    drawn = [transform([image], [target | {"seed": seed}]).sizes[0] for seed in range(20)]
    assert set(drawn) == {(20, 20), (30, 30), (40, 40)}
    again = [transform([image], [target | {"seed": seed}]).sizes[0] for seed in range(20)]
    assert again == drawn
    assert transform.eval()([image], [target | {"seed": 0}]).sizes == [(40, 40)]


def test_there_and_back():
    boxes = torch.tensor([[3.0, 5, 7, 11]], dtype=torch.float64)
    moved = resize_boxes(boxes, (10, 20), (20, 30))
    assert moved.tolist() == [[4.5, 10, 10.5, 22]]
    assert_close(resize_boxes(moved, (20, 30), (10, 20)), boxes, rtol=1e-6, atol=0)
    assert resize_keypoints(torch.tensor([[[3.0, 5, 2]]]), (10, 20), (20, 30)).tolist() == [
        [[4.5, 10, 2]]
    ]


def everything(height=10, width=20):
    target = target_of(height, width)
    masks = target["masks"]
    return target | {
        "iscrowd": [0, 1], "area": masks.sum((1, 2)), "proposals": target["boxes"] + 1,
        "crowd_boxes": target["boxes"][1:], "semantic": (2 * masks[0]).int(),
        "panoptic": masks[0] * 9 + 1, "segments": [{"id": 1}, {"id": 10}, {"id": 11}],
        "relations": [[0, 1, 1]], "depth": [1, 0], "visibility": [1, 0.5], "image_id": 4,
        "track": torch.tensor([5, 6]), "weather": "rain", "somewhere": torch.rand(7),
    }  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float32])
def test_all_that_a_target_may_hold_moves_along(dtype):
    target = everything()
    target["masks"] = target["masks"].to(dtype)
    (moved,) = Transform(20, 1000)([torch.rand(3, 10, 20)], [target]).targets
    assert moved["boxes"].tolist() == [[2, 4, 18, 24], [8, 0, 32, 12]]
    assert moved["proposals"].tolist() == [[4, 6, 20, 26], [10, 2, 34, 14]]
    assert moved["crowd_boxes"].tolist() == [[8, 0, 32, 12]]
    assert moved["keypoints"].tolist() == [[[6, 8, 2]], [[10, 12, 1]]]
    assert moved["area"].tolist() == [160, 160] and moved["masks"].dtype == torch.bool
    assert torch.equal(moved["semantic"], 2 * moved["masks"][0].long())
    assert torch.equal(moved["panoptic"], 1 + 9 * moved["masks"][0].long())
    assert moved["segments"] == [{"id": 1}, {"id": 10}]
    for key in ("image_id", "weather", "track", "somewhere"):
        assert moved[key] is target[key]
    for key in ("labels", "iscrowd", "relations", "depth", "visibility"):
        assert moved[key].tolist() == torch.as_tensor(target[key]).tolist()
    # Of its own size, an image's target has the same forms.
    (same,) = Transform(None)([torch.rand(3, 10, 20)], [target]).targets
    assert same["masks"].dtype == torch.bool and torch.equal(same["masks"], target["masks"].bool())
    assert {key: type(value) for key, value in same.items()} == {
        key: type(value) for key, value in moved.items()
    }


@pytest.mark.parametrize(("old", "new"), [(10, 7), (7, 10), (5, 64), (64, 5), (13, 13), (1, 3)])
def test_maps_take_the_pixels_that_torchs_interpolation_takes(old, new):
    """As torchvision does: to the last pixel, for every size."""
    masks = torch.rand(3, old, old, generator=torch.Generator().manual_seed(0)) > 0.5
    target = {"boxes": torch.zeros(3, 4), "masks": masks, "panoptic": torch.arange(old * old)
              .reshape(old, old)}  # fmt: skip
    (moved,) = Transform(new, 1000)([torch.rand(3, old, old)], [target]).targets
    expected = torch.nn.functional.interpolate(masks[:, None].float(), (new, new))[:, 0] > 0.5
    assert torch.equal(moved["masks"], expected)
    numbers = torch.nn.functional.interpolate(target["panoptic"][None, None].double(), (new, new))
    assert torch.equal(moved["panoptic"], numbers[0, 0].long())


def test_whole_numbers_are_moved_as_floats_are():
    target = {"boxes": torch.tensor([[1, 2, 9, 12]]), "keypoints": torch.tensor([[[3, 4, 2]]])}
    (moved,) = Transform(5, 1000)([torch.rand(3, 10, 20)], [target]).targets
    assert moved["boxes"].tolist() == [[0.5, 1, 4.5, 6]]
    assert moved["keypoints"].tolist() == [[[1.5, 2, 2]]]


def test_a_batch_of_one_size_is_as_good_as_a_list():
    images, transform = torch.rand(2, 3, 10, 20), Transform(20, 1000)
    assert torch.equal(transform(images).images, transform(list(images)).images)


def test_noise_may_leave_the_unit_interval():
    for low, high in ((-1, 1), (0, 2), (-0.1, 1.1)):
        image = torch.linspace(low, high, 3 * 16).reshape(3, 4, 4)
        for dtype in (torch.float32, torch.float64, torch.bfloat16, torch.float16):
            assert checked_images("f", [image.to(dtype)], 3)[0].dtype == dtype
    without_numbers = torch.zeros(3, 4, 4, device="meta")  # nobody waits for a look
    assert checked_images("f", [without_numbers], 3)[0] is without_numbers


@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        ({"masks": torch.ones(1, 4, 4)}, ValueError,
         r"Transform: targets\[0\]\['masks'\] must have shape \(N, H, W\), here \(N, 10, 20\)"),
        ({"boxes": torch.ones(4)}, ValueError, r"Transform: targets\[0\]\['boxes'\] must have"),
        ([], TypeError, r"Transform: targets\[0\] must be a dict, got list"),
    ],
)  # fmt: skip
def test_what_is_no_target(target, error, message):
    with pytest.raises(error, match=message):
        Transform()([torch.rand(3, 10, 20)], [target])
    with pytest.raises(ValueError, match="targets must be given for each of the 2 images if"):
        Transform()(torch.rand(2, 3, 10, 20), [{}])


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (torch.rand(3, 4, 4), TypeError, r"images must be a list .* got shape \(3, 4, 4\)$"),
        ([], TypeError, r"at least one tensor \(3, H, W\), or a batch .* got none$"),
        ((), TypeError, "got none$"),
        (torch.rand(0, 3, 4, 4), TypeError, "got none$"),
        ("a.png", TypeError, "got str$"),
        (torch.rand(1, 1, 4, 4), ValueError, r"images\[0\] must have .*, got \(1, 4, 4\)"),
        ([torch.full((3, 4, 4), 200.0)], ValueError,
         r"images\[0\] must lie in \[0, 1\], got numbers from 200 to 200: do its colours lie in 0"),
        ([torch.full((3, 4, 4), -2.0)], ValueError, "from -2 to -2: was it normalised before"),
        ([torch.full((3, 4, 4), torch.nan)], ValueError, "from nan to nan"),
        ([torch.rand(3, 4, 4), "a.png"], TypeError, r"images\[1\] .* got str"),
        ([torch.zeros(3, 4, 4, dtype=torch.uint8)], TypeError, r"got torch\.uint8"),
        ([torch.rand(4, 4)], ValueError, r"must have shape \(3, H, W\), got \(4, 4\)"),
        ([torch.rand(1, 4, 4)], ValueError, r"got \(1, 4, 4\)"),
        ([torch.rand(3, 0, 4)], ValueError, r"got \(3, 0, 4\)"),
    ],
)  # fmt: skip
def test_what_is_no_list_of_images(images, error, message):
    with pytest.raises(error, match=message):
        Transform()(images)

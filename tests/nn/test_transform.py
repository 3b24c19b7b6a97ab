"""From photos to a batch, and the way back."""

import pytest
import torch
from models.calibrated import photos, torchvision_detection
from torch.testing import assert_close

from edudet.nn.transform import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Transform,
    generator_of,
    resize_boxes,
    resize_keypoints,
)


def target_of(height, width, count=2):
    boxes = torch.tensor([[1.0, 2, 9, 12], [4, 0, 16, 6]])[:count]
    masks = torch.zeros(count, height, width, dtype=torch.bool)
    masks[:, 2:7, 3:11] = True
    keypoints = torch.tensor([[[3.0, 4, 2]], [[5, 6, 1]]])[:count]
    return {"boxes": boxes, "masks": masks, "keypoints": keypoints, "labels": torch.ones(count)}


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


def test_generator_of():
    assert generator_of({}) is None
    draws = [
        torch.rand(3, generator=generator_of({"seed": seed, "boxes": torch.zeros(0, 4)})).tolist()
        for seed in (1, 1, 2)
    ]
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (torch.rand(1, 3, 4, 4), TypeError, "images must be a list"),
        ([], TypeError, "at least one tensor"),
        ([torch.rand(3, 4, 4), "a.png"], TypeError, r"images\[1\] .* got str"),
        ([torch.zeros(3, 4, 4, dtype=torch.uint8)], TypeError, r"got torch\.uint8"),
        ([torch.rand(4, 4)], ValueError, r"must have shape \(3, H, W\), got \(4, 4\)"),
        ([torch.rand(1, 4, 4)], ValueError, r"got \(1, 4, 4\)"),
        ([torch.rand(3, 0, 4)], ValueError, r"got \(3, 0, 4\)"),
    ],
)
def test_what_is_no_list_of_images(images, error, message):
    with pytest.raises(error, match=message):
        Transform()(images)

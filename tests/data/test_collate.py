import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from edudet.data.augment import (
    Augmented,
    ColourJitter,
    Compose,
    RandomCrop,
    RandomFlip,
    RandomScale,
)
from edudet.data.collate import collate
from edudet.data.scenes import Scenes


def augmented(seed=0):
    scenes = Scenes("people", length=7)
    return Augmented(
        scenes,
        Compose(
            RandomFlip(scenes.flip_pairs), RandomScale((0.7, 1.4)), RandomCrop(), ColourJitter()
        ),
        seed,
    )


def test_a_batch_is_two_lists():
    images = [torch.zeros(3, 4, 5), torch.zeros(3, 6, 2)]
    targets = [{"image_id": 1}, {"image_id": 2}]
    batch = collate(list(zip(images, targets, strict=True)))
    assert batch == (images, targets) and batch[0][0] is images[0]
    assert collate([]) == ([], [])


def test_lists_and_arrays_become_tensors():
    """Else they would be left behind where tensors go on to a GPU."""
    target = {
        "boxes": np.array([[0, 1, 2, 3]]), "labels": [2], "iscrowd": [0], "area": (4,),
        "masks": torch.ones(1, 4, 5, dtype=torch.uint8), "names": ["a"], "image_id": 3,
    }  # fmt: skip
    ((same,), (whole,)) = collate([(torch.zeros(3, 4, 5), target)])
    tensors = {key for key, value in whole.items() if torch.is_tensor(value)}
    assert tensors == {"boxes", "labels", "iscrowd", "area", "masks"} and same.shape == (3, 4, 5)
    assert whole["boxes"].dtype == torch.float32 and whole["masks"].dtype == torch.bool
    assert whole["names"] == ["a"] and whole["image_id"] == 3 and target["labels"] == [2]
    message = r"collate: the target of batch\[0\]\['masks'\] must .*, got \(1, 4, 5\)"
    with pytest.raises(ValueError, match=message):
        collate([(torch.zeros(3, 5, 4), target)])


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        ([3], TypeError, r"batch\[0\] must be a pair \(image, target\), got int"),
        (
            [(torch.zeros(3, 1, 1), {}), ({}, {})],
            TypeError,
            r"batch\[1\] must be .* \(dict, dict\)",
        ),
        (
            [(torch.zeros(3, 9, 9), {}, torch.zeros(99))],
            TypeError,
            r"batch\[0\] must be a pair \(image, target\), got 3 things$",
        ),
        ([(torch.zeros(1, 1), {})], ValueError, r"batch\[0\] must have shape \(C, H, W\), got"),
    ],
)
def test_errors(batch, error, message):
    with pytest.raises(error, match=message):
        collate(batch)


def assert_equal(a, b):
    assert type(a) is type(b)
    if isinstance(a, torch.Tensor):
        assert a.dtype == b.dtype and torch.equal(a, b)
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_equal(a[key], b[key])
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_equal(one, other)
    else:
        assert a == b


def batches(workers, epoch, order):
    dataset = augmented()
    dataset.epoch = epoch
    loader = DataLoader(dataset, 3, sampler=order, num_workers=workers, collate_fn=collate)
    return list(loader)


def test_workers_do_not_change_a_bit():
    torch.manual_seed(1)
    alone = batches(0, 4, range(7))
    torch.manual_seed(2)  # what draws from the global generator would now differ
    assert_equal(batches(2, 4, range(7)), alone)
    assert [len(images) for images, _ in alone] == [3, 3, 1]
    assert len({tuple(image.shape) for images, _ in alone for image in images}) > 3


def test_the_order_does_not_change_an_example():
    forwards, backwards = (batches(0, 4, order) for order in (range(7), range(6, -1, -1)))
    flat = [pair for images, targets in forwards for pair in zip(images, targets, strict=True)]
    back = [pair for images, targets in backwards for pair in zip(images, targets, strict=True)]
    assert_equal(back[::-1], flat)


def test_an_epoch_or_a_seed_changes_every_example():
    dataset = augmented()
    for other in (augmented(seed=1), augmented()):
        other.epoch = other.seed ^ 1  # seed 1 in epoch 0, seed 0 in epoch 1
        for i in range(len(dataset)):
            assert not torch.equal(dataset[i][0].sum(), other[i][0].sum())
    assert_equal(dataset[1, 5], other[5])  # the epoch by name
    assert_equal(dataset[0, 5], dataset[5])

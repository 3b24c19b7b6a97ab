import math

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from conftest import torchvision_ops
from edudet.boxes import masks_to_boxes
from edudet.data.augment import (
    Augmented,
    ColourJitter,
    Compose,
    RandomCrop,
    RandomFlip,
    RandomScale,
)
from edudet.data.colours import adjust_brightness, adjust_contrast, adjust_hue, adjust_saturation
from edudet.data.moves import cropped, flipped, resized
from edudet.data.relations import find_relations
from edudet.data.scenes import Scenes


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def example():
    """8 columns, 6 rows. Object 0: columns 1 to 3, rows 1 to 4. Object 1: columns 5 to 7, rows 0 to
    1. Object 2, a crowd: the last row."""
    image = torch.rand(3, 6, 8, generator=seeded(0))
    masks = torch.zeros(3, 6, 8, dtype=torch.bool)
    masks[0, 1:5, 1:4] = masks[1, 0:2, 5:8] = masks[2, 5] = True
    semantic = masks[0] * 2 + masks[1] * 1 + masks[2] * 1
    target = {
        "boxes": torch.tensor([[1.0, 1, 4, 5], [5, 0, 8, 2], [0, 5, 8, 6]]),
        "labels": torch.tensor([2, 1, 1]),
        "image_id": 5,
        "iscrowd": torch.tensor([False, False, True]),
        "area": torch.tensor([12.0, 6, 8]),
        "masks": masks,
        "keypoints": torch.tensor(
            [[[1.5, 2, 2], [3, 4, 1]], [[6, 1, 2], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]]
        ),
        "semantic": semantic.long(),
        "panoptic": (masks * torch.tensor([10, 20, 30])[:, None, None]).sum(0),
        "segments": [{"id": 10}, {"id": 20}, {"id": 30}],
        "visibility": torch.tensor([1.0, 0.5, 1]),
        "depth": torch.tensor([1, 0, 2]),
        "relations": torch.tensor([[0, 0, 1], [0, 1, 2]]),  # 0 left of 1, 0 on 2
        "proposals": torch.tensor([[0.0, 0, 2, 2], [4, 1, 8, 6]]),
        "seed": 3,
    }
    return image, target


def without(target, *keys):
    return {key: value for key, value in target.items() if key not in keys}


def assert_same(a, b):
    assert a.keys() == b.keys()
    for key in a:
        same = torch.equal(a[key], b[key]) if torch.is_tensor(a[key]) else a[key] == b[key]
        assert same, key


def test_flip_by_hand():
    image, target = example()
    mirror, moved = flipped(image, target, [(0, 1)])
    assert np.array_equal(mirror.numpy(), image.numpy()[:, :, ::-1])
    assert moved["boxes"].tolist() == [[4, 1, 7, 5], [0, 0, 3, 2], [0, 5, 8, 6]]
    assert moved["proposals"].tolist() == [[6, 0, 8, 2], [0, 1, 4, 6]]
    for key in ("masks", "semantic", "panoptic"):
        assert np.array_equal(moved[key].numpy(), target[key].numpy()[..., ::-1]), key
    # Joint 0 is now where joint 1 was; what is not labelled stays at (0, 0, 0).
    assert moved["keypoints"].tolist() == [
        [[5, 4, 1], [6.5, 2, 2]], [[0, 0, 0], [2, 1, 2]], [[0, 0, 0], [0, 0, 0]],
    ]  # fmt: skip
    assert moved["relations"].tolist() == [[1, 0, 0], [0, 1, 2]]  # now 1 is left of 0
    changed = ("boxes", "proposals", "masks", "semantic", "panoptic", "keypoints", "relations")
    assert_same(without(moved, *changed), without(target, *changed))


def test_flip_twice_is_nothing():
    image, target = example()
    twice = flipped(*flipped(image, target, [(0, 1)]), [(1, 0)])
    assert torch.equal(twice[0], image)
    assert_same(twice[1], target)


def test_what_is_given_is_not_changed():
    image, target = example()
    kept, before = (
        image.clone(),
        {k: v.clone() if torch.is_tensor(v) else v for k, v in target.items()},
    )
    flipped(image, target, [(0, 1)])
    cropped(image, target, (2, 1, 7, 5))
    resized(image, target, (12, 16))
    for seed in range(5):
        augment = Compose(RandomFlip([(0, 1)]), RandomCrop((0.3, 1)), RandomScale(), ColourJitter())
        augment(image, target, seeded(seed))[0].zero_()
    assert torch.equal(image, kept)
    assert_same(target, before)


def test_crop_by_hand():
    image, target = example()
    # Of object 0, columns 2 and 3: 8 of 12 pixels; of object 1, columns 5 and 6, row 1: 2 of 6; of
    # the crowd 5 of 8 in the last row.
    part, moved = cropped(image, target, (2, 1, 7, 6), least=0.5)
    assert torch.equal(part, image[:, 1:6, 2:7])
    assert moved["boxes"].tolist() == [[0, 0, 2, 4], [0, 4, 5, 5]]
    assert moved["labels"].tolist() == [2, 1] and moved["iscrowd"].tolist() == [False, True]
    assert moved["area"].tolist() == [8, 5] and moved["depth"].tolist() == [1, 2]
    assert moved["visibility"].tolist() == pytest.approx([8 / 12, 5 / 8])
    assert torch.equal(moved["masks"], target["masks"][[0, 2], 1:6, 2:7])
    assert torch.equal(moved["semantic"], target["semantic"][1:6, 2:7])
    assert moved["keypoints"][0].tolist() == [[0, 0, 0], [1, 3, 1]]  # (1.5, 2) is outside now
    assert moved["relations"].tolist() == [[0, 1, 1]]  # the crowd is number 1 now
    assert moved["segments"] == target["segments"]  # two pixels of 20 are still in the map
    assert moved["proposals"].tolist() == [[2, 0, 5, 5]]  # of the first, nothing is left
    assert moved["image_id"] == 5 and moved["seed"] == 3


@pytest.mark.parametrize(("least", "left"), [(0.33, 3), (0.34, 2), (0.67, 1), (1, 1), (0, 3)])
def test_crop_drops_objects_of_which_too_little_is_left(least, left):
    _, moved = cropped(*example(), (2, 1, 7, 6), least)
    assert len(moved["boxes"]) == len(moved["masks"]) == len(moved["keypoints"]) == left
    assert moved["iscrowd"][-1]  # a crowd stays while any of it is left


def test_crop_keeps_what_is_just_enough():
    target = {"boxes": torch.tensor([[0.0, 0, 4, 2]])}
    assert len(cropped(torch.zeros(3, 4, 4), target, (0, 0, 2, 4), 0.5)[1]["boxes"]) == 1
    assert len(cropped(torch.zeros(3, 4, 4), target, (0, 0, 2, 4), 0.51)[1]["boxes"]) == 0


def test_crop_drops_all_that_lies_outside():
    _, moved = cropped(*example(), (0, 0, 1, 1), 0)
    assert moved["boxes"].shape == (0, 4) and moved["masks"].shape == (0, 1, 1)
    assert moved["keypoints"].shape == (0, 2, 3) and moved["relations"].shape == (0, 3)
    assert moved["segments"] == []


def test_crop_without_masks_goes_by_the_boxes():
    image, target = example()
    target = without(target, "masks")
    _, moved = cropped(image, target, (2, 1, 7, 6), 0.34)
    assert moved["boxes"].tolist() == [[0, 0, 2, 4], [0, 4, 5, 5]]
    assert moved["area"].tolist() == [8, 5]


def test_a_cut_object_has_the_box_of_what_is_left_of_its_mask():
    masks = torch.eye(6, dtype=torch.bool)[None]
    target = {"boxes": torch.tensor([[0.0, 0, 6, 6]]), "labels": torch.tensor([1]), "masks": masks}
    _, moved = cropped(torch.zeros(3, 6, 6), target, (0, 0, 3, 6), 0.3)
    assert moved["boxes"].tolist() == [[0, 0, 3, 3]]  # not [0, 0, 3, 6]
    loose = target | {"boxes": torch.tensor([[0.5, 0.5, 5.5, 5.5]])}
    whole = cropped(torch.zeros(3, 6, 6), loose, (0, 0, 6, 6))[1]
    assert torch.equal(whole["boxes"], loose["boxes"])  # not cut: not touched


def test_scale_by_hand():
    image, target = example()
    large, moved = resized(image, target, (12, 24))  # twice as high, three times as wide
    assert large.shape == (3, 12, 24)
    assert moved["boxes"].tolist() == [[3, 2, 12, 10], [15, 0, 24, 4], [0, 10, 24, 12]]
    assert moved["area"].tolist() == [72, 36, 48]
    for key in ("masks", "semantic", "panoptic"):
        expected = np.repeat(np.repeat(target[key].numpy(), 2, -2), 3, -1)
        assert np.array_equal(moved[key].numpy(), expected), key
    assert torch.equal(masks_to_boxes(moved["masks"]), moved["boxes"])
    assert moved["keypoints"][0].tolist() == [[4.5, 4, 2], [9, 8, 1]]
    assert moved["keypoints"][1, 1].tolist() == [0, 0, 0]
    assert moved["proposals"].tolist() == [[0, 0, 6, 4], [12, 2, 24, 12]]
    unchanged = ("labels", "iscrowd", "relations", "segments", "visibility", "depth", "image_id")
    assert_same({k: moved[k] for k in unchanged}, {k: target[k] for k in unchanged})


def test_scale_keeps_the_mean_of_what_a_pixel_covers():
    image = torch.rand(3, 8, 8, generator=seeded(1))
    small, _ = resized(image, {"boxes": torch.zeros(0, 4)}, (2, 2))
    assert (small.mean((1, 2)) - image.mean((1, 2))).abs().max() < 0.02
    dots = torch.zeros(3, 8, 8)
    dots[:, ::2, ::2] = 1  # skipped or hit alone, they would be 0 or 1
    assert (resized(dots, {"boxes": torch.zeros(0, 4)}, (2, 2))[0] - 0.25).abs().max() < 0.1


def test_scale_drops_what_vanishes():
    target = {
        "boxes": torch.tensor([[0.0, 0, 1, 1], [0, 0, 8, 8]]), "labels": torch.tensor([1, 2]),
        "masks": torch.zeros(2, 8, 8, dtype=torch.bool),
    }  # fmt: skip
    target["masks"][0, 0, 0] = target["masks"][1] = True
    _, moved = resized(torch.zeros(3, 8, 8), target, (2, 2))
    assert moved["labels"].tolist() == [2] and moved["masks"].shape == (1, 2, 2)
    crowd = target | {"iscrowd": torch.tensor([True, False])}
    assert resized(torch.zeros(3, 8, 8), crowd, (2, 2))[1]["labels"].tolist() == [1, 2]


@pytest.mark.parametrize("level", ["people", "crowded"])
def test_scenes_stay_true(level):
    """What is said of a moved scene is what one would say who sees it for the first time."""
    scenes = Scenes(level, length=6)
    for i in range(6):
        image, target = scenes[i]
        mirror, moved = flipped(image, target, scenes.flip_pairs)
        assert torch.equal(masks_to_boxes(moved["masks"]), moved["boxes"])
        again = find_relations(moved["boxes"].numpy(), moved["iscrowd"].numpy())
        assert sorted(again.tolist()) == sorted(moved["relations"].tolist())
        _, part = cropped(mirror, moved, (30, 20, 110, 100), 0.2)
        assert torch.equal(masks_to_boxes(part["masks"]), part["boxes"])
        assert torch.equal(part["area"].round(), part["masks"].sum((1, 2)).float())
        present = set(part["panoptic"].unique().tolist())
        assert {one["id"] for one in part["segments"]} == present - {0}
        seen = part["keypoints"][part["keypoints"][..., 2] > 0]
        assert ((seen[:, :2] >= 0) & (seen[:, :2] <= 80)).all()


def test_a_joint_stays_on_its_pixel():
    """Joints are put on bright pixels; wherever the image goes, they are there still."""
    image, points = torch.zeros(3, 40, 50), torch.tensor([[7.5, 9.5, 2], [30.5, 21.5, 2]])
    image[0, 9, 7] = image[1, 21, 30] = 1
    target = {"boxes": torch.tensor([[5.0, 5, 35, 25]]), "labels": torch.tensor([1]),
              "keypoints": points[None]}  # fmt: skip
    augment = Compose(RandomFlip(()), RandomCrop((0.7, 1)), RandomScale((2, 4)))
    seen = 0
    for seed in range(20):
        moved_image, moved = augment(image, target, seeded(seed))
        for joints in moved["keypoints"]:
            for channel, (x, y, v) in enumerate(joints.tolist()):
                if v:
                    brightest = moved_image[channel].argmax()
                    row, column = divmod(int(brightest), moved_image.shape[2])
                    assert abs(column + 0.5 - x) <= 2 and abs(row + 0.5 - y) <= 2
                    seen += 1
    assert seen > 20


def mean_chance(augment, happened, tries=400):
    image, target = example()
    generator = seeded(2)
    return sum(happened(augment(image, target, generator)) for _ in range(tries)) / tries


def test_how_often_and_how_much():
    image, _ = example()
    flip = mean_chance(RandomFlip([(0, 1)], 0.3), lambda e: not torch.equal(e[0], image))
    assert flip == pytest.approx(0.3, abs=0.07)
    for probability in (0, 1):
        always = mean_chance(RandomFlip((), probability), lambda e: torch.equal(e[0], image), 20)
        assert always == 1 - probability
    larger = mean_chance(RandomScale((0.5, 2)), lambda e: e[0].shape[1] > 6)
    assert larger == pytest.approx(0.46, abs=0.07)  # 6 rows: more than 6.5 are needed
    heights = {RandomCrop((0.5, 1))(*example(), seeded(s))[0].shape[1] for s in range(60)}
    assert heights == {3, 4, 5, 6}
    corners = {float(RandomCrop((0.5, 0.5))(*example(), seeded(s))[0][0, 0, 0]) for s in range(200)}
    assert len(corners) == 4 * 5  # every place where half of the image fits: 4 rows, 5 columns


def test_scale_is_kept_to_whole_pixels():
    image, target = example()
    target = without(target, "masks")  # nothing vanishes
    for seed in range(10):
        moved_image, moved = RandomScale((0.1, 3))(image, target, seeded(seed))
        right, down = moved_image.shape[2] / 8, moved_image.shape[1] / 6
        expected = target["boxes"] * torch.tensor([right, down, right, down])
        torch.testing.assert_close(moved["boxes"], expected)


def colours(seed=3):
    image = torch.rand(3, 16, 16, generator=seeded(seed))
    image[:, :4, :4] = image[:1, :4, :4]  # grey
    image[1:, 4:6, :4] = 0
    return image


@pytest.mark.parametrize("factor", [0, 0.5, 1, 1.7])
@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_colours_are_torchvisions(name, factor):
    torchvision_ops()
    from torchvision.transforms import functional

    ours = {
        "brightness": adjust_brightness, "contrast": adjust_contrast,
        "saturation": adjust_saturation,
    }[name]  # fmt: skip
    expected = getattr(functional, f"adjust_{name}")(colours(), factor)
    torch.testing.assert_close(ours(colours(), factor), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("shift", [-0.5, -0.2, 0, 0.1, 0.5])
def test_hue_is_torchvisions(shift):
    torchvision_ops()
    from torchvision.transforms import functional

    expected = functional.adjust_hue(colours(), shift)
    torch.testing.assert_close(adjust_hue(colours(), shift), expected, rtol=0, atol=1e-5)


def pixel(*rgb):
    return torch.tensor(rgb, dtype=torch.float32)[:, None, None]


@pytest.mark.parametrize(
    ("shift", "colour", "expected"),
    [
        (1 / 3, (1, 0, 0), (0, 1, 0)),  # red becomes green
        (1 / 3, (0, 1, 0), (0, 0, 1)),
        (-1 / 3, (1, 0, 0), (0, 0, 1)),
        (1 / 2, (1, 0, 0), (0, 1, 1)),
        (1 / 6, (0.5, 0.25, 0.25), (0.5, 0.5, 0.25)),
        (0.3, (0.4, 0.4, 0.4), (0.4, 0.4, 0.4)),  # grey has no hue
        (0.3, (0, 0, 0), (0, 0, 0)),
    ],
)
def test_hue_by_hand(shift, colour, expected):
    torch.testing.assert_close(
        adjust_hue(pixel(*colour), shift), pixel(*expected), atol=1e-6, rtol=0
    )


def test_colours_by_hand():
    two = torch.cat([pixel(1, 0, 0), pixel(0, 0, 1)], 2)  # grey .2989 and .114, mean .20645
    assert torch.allclose(adjust_contrast(two, 0), torch.full((3, 1, 2), 0.20645))
    assert torch.allclose(adjust_saturation(two, 0)[:, 0, 0], torch.full((3,), 0.2989))
    assert adjust_brightness(two, 2).tolist() == two.tolist()
    assert torch.allclose(adjust_brightness(two, 0.25), two / 4)
    for adjust in (adjust_brightness, adjust_contrast, adjust_saturation):
        assert torch.allclose(adjust(colours(), 1), colours(), atol=1e-6)
    assert torch.allclose(adjust_hue(colours(), 0), colours(), atol=1e-6)


def test_jitter_changes_colours_alone():
    image, target = example()
    jittered, same = ColourJitter()(image, target, seeded(0))
    assert (jittered - image).abs().max() > 0.01 and 0 <= jittered.min() <= jittered.max() <= 1
    assert_same(same, target)
    assert torch.equal(ColourJitter(0, 0, 0, 0)(image, target)[0], image)


class Two(Dataset):
    categories, joints = ("a", "b"), ("left hand", "right hand")

    def __len__(self):
        return 2

    def __getitem__(self, i):
        return [example(), example()][i]


class Fractions(Two):
    """Boxes as fractions of the image's sides: once mirrored, they would look like pixels."""

    def __getitem__(self, i):
        return torch.zeros(3, 6, 8), {"boxes": torch.tensor([[0.2, 0.1, 0.5, 1]])}


def test_augmented_tells_what_its_dataset_tells():
    dataset = Augmented(Two(), RandomCrop())
    assert dataset.categories == ("a", "b") and dataset.joints == ("left hand", "right hand")
    assert not hasattr(dataset, "skeleton") and len(dataset) == len(list(dataset)) == 2
    assert torch.equal(dataset[-1][0], dataset[1][0])
    assert not torch.equal(dataset[0][0].sum(), dataset[1][0].sum())  # each has its own chance
    before = torch.get_rng_state()
    dataset[0]
    assert torch.equal(torch.get_rng_state(), before)


def test_the_global_generator_is_used_if_none_is_given():
    torch.manual_seed(5)
    first = RandomCrop()(*example())[0]
    torch.manual_seed(5)
    assert torch.equal(RandomCrop()(*example())[0], first)


IMAGE, TARGET = example()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: flipped(IMAGE, TARGET), ValueError, "flip_pairs must be the pairs of joints"),
        (lambda: flipped(IMAGE, TARGET, [(0, 2)]), ValueError, r"pairs below 2, got \(0, 2\)"),
        (lambda: flipped(IMAGE, TARGET, [(0, 1), (0, 0)]), ValueError, "name no joint twice"),
        (lambda: flipped(IMAGE[0], TARGET), ValueError, r"image must have shape \(3, H, W\)"),
        (lambda: flipped(IMAGE.byte(), TARGET), ValueError, "image must have dtype"),
        (lambda: flipped(IMAGE, []), TypeError, "target must be a dict, got list"),
        (lambda: flipped(IMAGE, {}), ValueError, "target must have 'boxes'"),
        (lambda: flipped(IMAGE, TARGET | {"names": ["a"]}), TypeError,
         r"target\['names'\] must be a number, or have an entry for each of the 3 objects, "
         "got list; leave out"),
        (lambda: flipped(IMAGE, TARGET | {"labels": torch.ones(4)}), ValueError,
         r"target\['labels'\] must have shape \(N,\), here \(3,\), got \(4,\)"),
        (lambda: flipped(IMAGE, TARGET | {"masks": torch.ones(3, 8, 6)}), ValueError,
         r"target\['masks'\] must have shape \(N, H, W\), here \(3, 6, 8\), got \(3, 8, 6\)"),
        (lambda: flipped(IMAGE, TARGET | {"relations": torch.ones(3)}), ValueError, r"\(R, 3\)"),
        (lambda: cropped(IMAGE, TARGET, (0, 0, 9, 6)), ValueError,
         r"frame must lie in the image of 8 x 6 pixels .* got \(0, 0, 9, 6\)"),
        (lambda: cropped(IMAGE, TARGET, (3, 0, 3, 6)), ValueError, "and not be empty"),
        (lambda: cropped(IMAGE, TARGET, (0, 0, 1, 1), 2), ValueError, r"least must lie in"),
        (lambda: resized(IMAGE, TARGET, (0, 6)), ValueError, "size must be at least 1"),
        (lambda: RandomFlip((), 1.5), ValueError, r"probability must lie in \[0, 1\], got 1.5"),
        (lambda: RandomCrop((0.5, 1.5)), ValueError, r"sides must be positive, .* 1 at most, got"),
        (lambda: RandomCrop(0.5), TypeError, "sides must be two numbers, got 0.5"),
        (lambda: RandomScale((2, 1)), ValueError, "factors must be positive, rising and finite"),
        (lambda: RandomScale((1, math.inf)), ValueError, "factors must be positive"),
        (lambda: RandomScale((0, 1)), ValueError, "factors must be positive"),
        (lambda: ColourJitter(hue=0.6), ValueError, r"hue must lie in \[0, 0.5\], got 0.6"),
        (lambda: ColourJitter(contrast=2), ValueError, r"contrast must lie in \[0, 1\], got 2"),
        (lambda: Compose(RandomFlip(), 3), TypeError, "augmentation 1 must be callable, got 3"),
        (lambda: Augmented(Two(), RandomCrop(), -1), ValueError, "seed must be at least 0, got -1"),
        (lambda: Augmented(Two(), RandomCrop(), 0.5), TypeError, "seed must be an int, got 0.5"),
        (lambda: Augmented(Fractions(), RandomFlip())[1], ValueError,
         r"Augmented: dataset\[1\]\['boxes'\] must be in pixels, .*: are they fractions of"),
    ],
)  # fmt: skip
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()

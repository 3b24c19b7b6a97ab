import dataclasses
import math
import pickle
import zlib

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from edudet.boxes import masks_to_boxes
from edudet.data import LEVELS, Level, Scenes
from edudet.metrics import panoptic_quality

pytest.importorskip("skimage", reason="scikit-image is not installed: no photos")
pytest.importorskip("sklearn", reason="scikit-learn is not installed: no digits")

KEYS = {
    "boxes", "labels", "image_id", "iscrowd", "area", "masks", "keypoints", "visibility", "depth",
    "relations", "semantic", "panoptic", "segments",
}  # fmt: skip


@pytest.fixture(params=LEVELS)
def level(request):
    return request.param


def equal(one, other):
    (image, target), (other_image, other_target) = one, other
    return torch.equal(image, other_image) and all(
        torch.equal(value, other_target[key])
        if isinstance(value, torch.Tensor)
        else value == other_target[key]
        for key, value in target.items()
    )


def as_list(batch):
    return batch


def targets(level, count=40, **arguments):
    scenes = Scenes(level, length=count, **arguments)
    return [scenes[i] for i in range(count)]


# What an example holds.


def test_shapes_and_dtypes(level):
    scenes = Scenes(level, size=(96, 144))
    for i in range(5):
        image, target = scenes[i]
        n = len(target["labels"])
        assert image.shape == (3, 96, 144) and image.dtype == torch.float32
        assert image.min() >= 0 and image.max() <= 1
        assert set(target) == KEYS and target["image_id"] == i
        shapes = {
            "boxes": (n, 4), "labels": (n,), "iscrowd": (n,), "area": (n,),
            "masks": (n, 96, 144), "keypoints": (n, 14, 3), "visibility": (n,), "depth": (n,),
            "semantic": (96, 144), "panoptic": (96, 144),
        }  # fmt: skip
        assert {key: tuple(target[key].shape) for key in shapes} == shapes
        assert target["relations"].shape[1] == 3
        dtypes = {key: target[key].dtype for key in shapes}
        for key in ("boxes", "area", "keypoints", "visibility"):
            assert dtypes[key] == torch.float32
        for key in ("labels", "depth", "semantic", "panoptic"):
            assert dtypes[key] == torch.int64
        assert dtypes["masks"] == dtypes["iscrowd"] == torch.bool


def test_images_are_whole_bytes():
    """So that a PNG holds exactly the same image."""
    image, _ = Scenes()[0]
    assert torch.equal((image * 255).round() / 255, image)


def test_boxes_and_areas_are_those_of_the_masks(level):
    for _, target in targets(level):
        assert torch.equal(target["boxes"], masks_to_boxes(target["masks"]))
        assert torch.equal(target["area"], target["masks"].sum((1, 2)).float())
        assert target["masks"].sum(0).max() <= 1, "two objects in one pixel"


def test_labels_and_categories(level):
    scenes = Scenes(level)
    seen = torch.cat([target["labels"] for _, target in targets(level, 60)])
    assert seen.min() == 1 and seen.max() == len(scenes.categories)
    assert len(set(scenes.categories)) == len(scenes.categories)


def test_default_has_eight_classes_and_people_one():
    assert len(Scenes("default").categories) == 8
    assert Scenes("people").categories == ("person",)
    assert Scenes("digits").categories == tuple("0123456789")
    assert Scenes("mixed").categories[-1] == "person"


# How hard a level is.


def test_limits_of_the_levels(level):
    numbers = LEVELS[level]
    for _, target in targets(level):
        single = ~target["iscrowd"]
        sides = target["boxes"][single, 2:] - target["boxes"][single, :2]
        assert (sides.amin(1) >= numbers.least_side).all()
        assert (sides.amax(1) >= numbers.sides[0]).all()
        assert (target["visibility"][single] >= numbers.least_visible).all()
        assert (target["visibility"] <= 1).all()
        most = numbers.objects[1] + numbers.people[1]
        assert single.sum() <= most
        if not numbers.people[1] and not numbers.digits:
            assert (sides.amax(1) <= numbers.sides[1]).all()


def test_what_the_default_level_promises():
    """1 to 8 objects with a longer side of 10 to 64 pixels, roughly uniform; half may be hidden."""
    examples = [target for _, target in targets("default", 300)]
    counts = np.array([len(target["labels"]) for target in examples])
    assert counts.min() == 1 and counts.max() == 8
    assert (np.bincount(counts)[1:] > 300 / 8 / 2).all()
    boxes = torch.cat([target["boxes"] for target in examples])
    longer = (boxes[:, 2:] - boxes[:, :2]).amax(1).numpy()
    assert longer.min() <= 11 and longer.max() >= 63
    share = np.histogram(longer, [10, 20, 30, 40, 50, 65])[0] / len(longer)
    assert (share > 0.12).all() and (share < 0.3).all()
    labels = torch.cat([target["labels"] for target in examples])
    assert (torch.bincount(labels)[1:] > len(labels) / 8 * 0.7).all()
    visibility = torch.cat([target["visibility"] for target in examples])
    assert 0.3 < (visibility < 0.99).float().mean() < 0.7
    cut = (boxes == 0).any(1) | (boxes == 128).any(1)
    assert 0.1 < cut.float().mean() < 0.4
    found = torch.cat([target["relations"][:, 1] for target in examples])
    assert (torch.bincount(found, minlength=3) > 20).all()


def test_no_scene_of_the_test_split_is_empty(level):
    assert all(len(target["labels"]) for _, target in targets(level, 100, split="test"))


def test_visibility_is_the_share_of_the_whole_object():
    """Balls of 40 pixels that the border cuts: area / visibility is always a whole ball."""
    balls = Level(shapes=("ball",), objects=(1, 1), sides=(40, 40), truncation=1.0, photos=0.0)
    cut = 0
    for _, target in targets(balls, 60):
        whole = target["area"] / target["visibility"]
        assert whole.item() == pytest.approx(math.pi * 20**2, rel=0.05)
        cut += (target["visibility"] < 0.95).item()
    assert cut > 20


def test_what_is_hidden_is_hidden_by_something_nearer():
    partly = 0
    for _, target in targets("default", 60):
        x1, y1, x2, y2 = target["boxes"].T
        inside = (x1 > 0) & (y1 > 0) & (x2 < 128) & (y2 < 128)
        for k in (inside & (target["visibility"] < 0.95)).nonzero().flatten():
            nearer = target["depth"] < target["depth"][k]
            meets = (x1 <= x2[k]) & (x2 >= x1[k]) & (y1 <= y2[k]) & (y2 >= y1[k])
            assert (nearer & meets).any()
            partly += 1
    assert partly > 20


def test_depth_numbers_the_objects_from_the_nearest(level):
    for _, target in targets(level, 5):
        assert sorted(target["depth"].tolist()) == list(range(len(target["labels"])))


def test_crowd_is_one_region_of_one_class():
    for _, target in targets("crowded", 20):
        assert target["iscrowd"].sum() == 1
        single = ~target["iscrowd"]
        assert target["area"][target["iscrowd"]] > target["area"][single].mean()
        # A group has no relations.
        ends = target["relations"][:, [0, 2]]
        assert not target["iscrowd"][ends].any()
    assert max(len(target["labels"]) for _, target in targets("crowded", 60)) >= 38


def test_a_level_may_have_no_objects():
    image, target = Scenes(Level(objects=(0, 0)))[0]
    assert image.shape == (3, 128, 128)
    assert target["boxes"].shape == (0, 4) and target["masks"].shape == (0, 128, 128)
    assert target["keypoints"].shape == (0, 14, 3) and target["relations"].shape == (0, 3)
    assert target["labels"].dtype == torch.int64 and target["boxes"].dtype == torch.float32
    assert len(target["segments"]) >= 1


# Maps.


def test_maps_agree_with_the_masks(level):
    ground_label = len(LEVELS[level].categories) + 1
    for _, target in targets(level, 10):
        seen = target["masks"].any(0)
        for k, mask in enumerate(target["masks"]):
            assert (target["panoptic"][mask] == k + 1).all()
            assert (target["semantic"][mask] == target["labels"][k]).all()
        behind = target["semantic"][~seen]
        assert torch.isin(behind, torch.tensor([0, ground_label])).all()
        ids = [segment["id"] for segment in target["segments"]]
        assert ids == target["panoptic"].unique().tolist()
        for segment in target["segments"]:
            inside = target["panoptic"] == segment["id"]
            assert (target["semantic"][inside] == segment["category_id"]).all()
            k = segment["id"] - 1
            crowd = k < len(seen) and k < len(target["labels"]) and bool(target["iscrowd"][k])
            assert segment["iscrowd"] == crowd


def test_a_scene_predicted_as_it_is_has_panoptic_quality_1():
    truth = [(target["panoptic"], target["segments"]) for _, target in targets("default", 10)]
    result = panoptic_quality(truth, truth)
    assert result["PQ"] == 1 and set(result["per_class"]) == set(range(10))


# People.


def test_joints_are_seen_hidden_or_outside():
    found = [0, 0, 0]
    for _, target in targets("people", 60):
        x1, y1, x2, y2 = target["boxes"].T[:, :, None]
        x, y, v = target["keypoints"].unbind(2)
        assert torch.isin(v, torch.tensor([0.0, 1.0, 2.0])).all()
        assert (target["keypoints"][v == 0] == 0).all()
        known = v > 0
        assert ((x[known] >= 0) & (x[known] < 128) & (y[known] >= 0) & (y[known] < 128)).all()
        near = (x > x1 - 2) & (x < x2 + 2) & (y > y1 - 2) & (y < y2 + 2)
        assert near[v == 2].all()
        for k, j in known.nonzero().tolist():
            shown = target["masks"][k, int(y[k, j]), int(x[k, j])]
            if v[k, j] == 1:
                assert not shown
        found = [old + int((v == value).sum()) for value, old in enumerate(found)]
    assert min(found[:2]) > 50 and found[2] > 5 * (found[0] + found[1])


def test_only_people_have_keypoints():
    for _, target in targets("mixed", 20):
        person = target["labels"] == len(LEVELS["mixed"].categories)
        labelled = (target["keypoints"][..., 2] > 0).any(1)
        assert torch.equal(labelled, person)
    assert not targets("default", 1)[0][1]["keypoints"].any()


def test_heights_of_people():
    alone = dataclasses.replace(LEVELS["people"], people=(1, 1), clutter=(0, 0), truncation=0.0)
    boxes = torch.cat([target["boxes"] for _, target in targets(alone, 60)])
    heights = boxes[:, 3] - boxes[:, 1]
    assert 39 <= heights.min() < 50 and 90 < heights.max() <= 101


# The same scene again.


def test_a_scene_is_a_pure_function_of_its_place(level):
    one, other = Scenes(level, seed=5, length=10), Scenes(level, seed=5, length=1000)
    later = [one[i] for i in (3, 0, 7)]
    torch.manual_seed(1)
    np.random.seed(1)
    assert all(equal(example, other[i]) for example, i in zip(later, (3, 0, 7), strict=True))
    assert equal(pickle.loads(pickle.dumps(one))[7], later[2])


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_do_not_matter(workers):
    scenes = Scenes(length=12)
    loader = DataLoader(scenes, batch_size=3, num_workers=workers, collate_fn=as_list)
    loaded = [example for batch in loader for example in batch]
    assert len(loaded) == 12
    assert all(equal(example, scenes[i]) for i, example in enumerate(loaded))


def test_seeds_and_places_differ():
    images = [Scenes(seed=seed)[i][0] for seed in range(3) for i in range(4)]
    assert len({image.numpy().tobytes() for image in images}) == 12


def test_test_scenes_are_500_and_ignore_the_seed():
    one, other = (Scenes(split="test", seed=seed) for seed in (0, 99))
    assert len(one) == len(other) == 500
    assert all(equal(one[i], other[i]) for i in (0, 1, 250, 499))
    assert len(Scenes(split="test", length=20)) == 20


def test_no_training_scene_has_the_key_of_a_test_scene():
    """Keys are tuples of a fixed length, each number below 2**32: equal streams, equal keys."""
    test = {Scenes(split="test").key(i) for i in range(500)}
    assert len(test) == 500 and {key[0] for key in test} == {1}
    test_seed = next(iter(test))[1]
    for seed in (0, 1, test_seed, 2**32 - 1):
        assert Scenes(seed=seed).key(3) == (0, seed, 3)
    one, other = Scenes(seed=test_seed)[0], Scenes(split="test")[0]
    assert not torch.equal(one[0], other[0])


def test_the_test_scenes_are_still_the_same():
    """Figures measured on them can be compared only as long as this holds.

    If the levels were changed on purpose, all published figures have to be measured again.
    """
    scenes = Scenes(split="test")
    truth = [
        np.concatenate([scene.labels[:, None], scene.boxes.astype(np.int64)], 1)
        for scene in map(scenes.scene, range(50))
    ]
    assert zlib.crc32(np.concatenate(truth).astype("<i4").tobytes()) == FINGERPRINT


FINGERPRINT = 3029772789


def test_a_loop_over_scenes_ends():
    assert len(list(Scenes("easy", length=3))) == 3


# Mistakes.


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"level": "medium"}, ValueError, "Scenes: level must be a Level or one of default, "),
        ({"split": "val"}, ValueError, "split must be 'train' or 'test', got 'val'"),
        ({"seed": -1}, ValueError, r"seed must lie in \[0, 2\*\*32\), got -1"),
        ({"seed": 2**32}, ValueError, "seed must lie in"),
        ({"seed": 1.5}, TypeError, "seed must be an int, got 1.5"),
        ({"length": -1}, ValueError, "length must lie in"),
        ({"length": 501, "split": "test"}, ValueError, r"length must lie in \[0, 500\], got 501"),
        ({"size": (128, 16)}, ValueError, r"size must be at least 32, got \(128, 16\)"),
        ({"size": 128.0}, TypeError, "size must be an int or a pair"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        Scenes(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shapes": ("ball", "egg")}, "Level: shapes must be among ball, .*, got 'egg'"),
        ({"shapes": ("ball", "ball")}, "shapes must be different"),
        ({"shapes": ()}, "shapes must name a class where objects are wanted"),
        ({"objects": (3, 1)}, r"objects must be .* got \(3, 1\)"),
        ({"sides": (0, 10)}, r"sides must be .* at least 4, got \(0, 10\)"),
        ({"photos": 1.5}, r"photos must lie in \[0, 1\], got 1.5"),
    ],
)
def test_errors_of_a_level(arguments, message):
    with pytest.raises(ValueError, match=message):
        Level(**arguments)


@pytest.mark.parametrize("i", [-1, 10])
def test_errors_of_an_index(i):
    with pytest.raises(IndexError, match=rf"Scenes: index must lie in \[0, 10\), got {i}"):
        Scenes(length=10)[i]

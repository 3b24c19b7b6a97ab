"""The contract of a target: its table, its forms, and what stays true wherever its image goes."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edudet.boxes import masks_to_boxes
from edudet.data import target as contract
from edudet.data.moves import cropped, flipped, resized
from edudet.data.relations import RELATIONS
from edudet.data.scenes import Scenes
from edudet.data.target import (
    KEYS,
    check_movable,
    check_pixels,
    check_values,
    checked,
    checked_targets,
    chosen_rows,
    crowds_of,
    flags_of,
    generator_of,
    ignored,
    is_of_objects,
    keys_that,
    moved,
    without_crowds,
)
from edudet.nn.transform import Transform


def test_the_docstring_shows_the_table():
    rows = re.findall(
        r"^    (\w+) +(\([^)]*\)|list|any) +(\w+) +(object|image) +(\w+) ",
        contract.__doc__, re.MULTILINE,
    )  # fmt: skip
    told = {name: tuple(rest) for name, *rest in rows}
    assert list(told) == list(KEYS)
    for key, row in KEYS.items():
        shape = "list" if row.values == "dicts" else "any"
        if row.shape is not None:
            shape = f"({', '.join(map(str, row.shape))}{',' if len(row.shape) == 1 else ''})"
        assert told[key] == (shape, row.values, row.of, row.moves), key


def test_the_docstring_explains_every_word():
    explained = set(re.findall(r"^      (\w+) ", contract.__doc__, re.MULTILINE))
    words = {row.moves for row in KEYS.values()} | {row.values for row in KEYS.values()}
    assert words - explained <= {"stays", "any", "dicts", "rows", "integers"}
    assert {"rows", "integers"} <= set(re.findall(r"`(\w+)`", contract.__doc__))


def test_rows_of_objects_are_those_of_n():
    assert set(keys_that(of="object")) == {
        key for key, row in KEYS.items() if row.shape and row.shape[0] == "N"
    }
    assert "semantic" in keys_that(of="image", moves="pixels") and keys_that(of="nobody") == []


def test_scenes_keep_the_contract():
    image, target = Scenes("people", length=1)[0]
    assert target.keys() <= KEYS.keys()
    whole = checked("Scenes: target", target, image.shape[-2:])
    for key, value in target.items():
        same = whole[key] is value or torch.equal(whole[key], value)
        assert same and type(whole[key]) is type(value), key


class Named(torch.Tensor):
    """As torchvision's tv_tensors: a tensor under another name."""


FLAG_FORMS = {
    **{str(dtype): lambda flags, dtype=dtype: torch.tensor(flags).to(dtype) for dtype in (
        torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
        torch.float16, torch.bfloat16, torch.float32, torch.float64,
    )},
    "a list of bools": lambda flags: [bool(flag) for flag in flags],
    "a list of ints": list,
    "a tuple of floats": lambda flags: tuple(float(flag) for flag in flags),
    "a list of tensors": lambda flags: [torch.tensor(flag) for flag in flags],
    "an array": lambda flags: np.array(flags),
    "an array of bools": lambda flags: np.array(flags, dtype=bool),
    "an array backwards": lambda flags: np.array(flags[::-1], dtype=np.uint8)[::-1],
    "an array of another byte order": lambda flags: np.array(flags, dtype=">i4"),
    "a named tensor": lambda flags: torch.tensor(flags).as_subclass(Named),
}  # fmt: skip


def of_flags(key, form, flags=(0, 1, 0)):
    boxes = torch.arange(4.0).repeat(len(flags), 1) + torch.arange(len(flags))[:, None]
    return {"boxes": boxes, key: FLAG_FORMS[form](list(flags))}


@pytest.mark.parametrize("key", keys_that(values="flags", shape=("N",)))
@pytest.mark.parametrize("form", FLAG_FORMS)
def test_all_forms_of_a_flag_mean_the_same(form, key):
    target = of_flags(key, form)
    whole = checked("f: target", target)
    assert type(whole[key]) is torch.Tensor and whole[key].dtype == torch.bool
    assert whole[key].tolist() == flags_of(target, key).tolist() == [False, True, False]
    assert ignored(target).tolist() == [False, key in ("iscrowd", "difficult"), False]
    assert checked("f: target", of_flags(key, form, ()))[key].shape == (0,)


def test_a_flag_that_is_not_named_is_false():
    assert flags_of({"boxes": torch.zeros(2, 4)}, "iscrowd").tolist() == [False, False]
    assert ignored({"boxes": [[0, 0, 1, 1]], "difficult": [1]}).tolist() == [True]


MASK = [[[0, 1, 1], [0, 0, 1]]]


@pytest.mark.parametrize(
    "masks",
    [
        *(torch.tensor(MASK).to(form) for form in (torch.bool, torch.uint8, torch.int8,
          torch.int32, torch.int64, torch.float16, torch.float32, torch.float64)),
        MASK, [[[bool(pixel) for pixel in line] for line in MASK[0]]], [torch.tensor(MASK[0])],
        [np.array(MASK[0])], np.array(MASK, dtype=np.uint8), np.array(MASK, dtype=bool),
        np.array(MASK)[:, ::-1].copy()[:, ::-1], torch.tensor(MASK).as_subclass(Named),
    ],
)  # fmt: skip
def test_all_forms_of_a_mask_mean_the_same(masks):
    target = checked("f: target", {"boxes": torch.zeros(1, 4), "masks": masks}, (2, 3))
    assert target["masks"].dtype == torch.bool and target["masks"].int().tolist() == MASK


@pytest.mark.parametrize(
    ("key", "given", "dtype", "expected"),
    [
        ("boxes", [[1, 2, 3, 4]], torch.float32, None),
        ("boxes", torch.tensor([[1, 2, 3, 4]]), torch.float32, None),
        ("boxes", torch.tensor([[1, 2, 3, 4.5]], dtype=torch.float16), torch.float32, None),
        ("boxes", np.array([[1, 2, 3, 4.5]]), torch.float64, None),
        ("boxes", (torch.ones(4), torch.zeros(4)), torch.float32, [[1] * 4, [0] * 4]),
        ("boxes", [np.ones(4), np.zeros(4)], torch.float64, [[1] * 4, [0] * 4]),
        ("labels", np.array([3], dtype=np.uint16), torch.int64, None),
        ("labels", [3], torch.int64, None),
        ("labels", [], torch.int64, []),
        ("label", 3, torch.int64, None),
        ("label", np.array(3, dtype=np.int32), torch.int64, None),
        ("label", torch.tensor(3), torch.int64, None),
        ("area", [7], torch.float32, None),
        ("depth", np.array([2]), torch.int64, None),
        ("keypoints", [[[1, 2, 2], [0, 0, 0]]], torch.float32, None),
        ("relations", [[0, 1, 0]], torch.int64, None),
        ("relations", [], torch.int64, []),
        ("semantic", np.array([[0, 1, 2]], dtype=np.uint8), torch.int64, None),
        ("panoptic", torch.tensor([[0, 1, 2]], dtype=torch.int32), torch.int32, None),
        ("visibility", torch.tensor([0.25], dtype=torch.float64), torch.float64, None),
        ("proposals", [[1, 2, 3, 4]], torch.float32, None),
        ("proposals", torch.tensor([[1, 2, 3, 4]]).as_subclass(Named), torch.float32, None),
    ],
)
def test_other_forms(key, given, dtype, expected):
    value = checked("f: target", {key: given, "more": given})
    assert value["more"] is given, "unknown: as it was"
    value = value[key]
    assert type(value) is torch.Tensor and value.dtype == dtype
    wanted = torch.as_tensor(given).tolist() if expected is None else expected
    assert value.tolist() == wanted


def test_of_nothing_there_are_tensors_too():
    given = {key: [] for key, row in KEYS.items() if row.shape and row.moves != "pixels"}
    empty = checked("f: target", given | {"masks": []}, (5, 6), K=17)
    assert {key: tuple(value.shape) for key, value in empty.items()} == {
        "boxes": (0, 4), "labels": (0,), "iscrowd": (0,), "difficult": (0,), "truncated": (0,),
        "occluded": (0,), "area": (0,), "visibility": (0,), "depth": (0,), "masks": (0, 5, 6),
        "keypoints": (0, 17, 3), "relations": (0, 3), "proposals": (0, 4), "crowd_boxes": (0, 4),
    }  # fmt: skip
    assert torch.empty(0).dtype == torch.float32, "which is why labels of no object may be floats"
    assert checked("f: target", {"labels": torch.empty(0)})["labels"].dtype == torch.int64


BOXES = [[1.0, 1, 4, 5], [5, 0, 8, 2], [0, 5, 8, 6]]
GOOD = {"boxes": torch.tensor(BOXES), "labels": torch.tensor([2, 1, 1])}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"boxes": torch.zeros(4)}, ValueError,
         r"^M: targets\[1\]\['boxes'\] must have shape \(N, 4\), got \(4,\)$"),
        ({"boxes": "many"}, TypeError, r"\['boxes'\] must be a Tensor, or an array .*, got str$"),
        ({"boxes": [[1.0, 2, 3, 4], [5]]}, TypeError, "got list of something else"),
        ({"boxes": torch.zeros(3, 4, dtype=torch.bool)}, ValueError, "must be floats, got bool"),
        ({"boxes": torch.zeros(3, 4, device="meta")}, ValueError,
         r"\['boxes'\] must be on the device of its image, cpu, got meta"),
        ({"labels": torch.ones(2)}, ValueError,
         r"\['labels'\] must have shape \(N,\), here \(3,\), got \(2,\)$"),
        ({"labels": torch.ones(3)}, ValueError, r"\['labels'\] must be integers, got float32$"),
        ({"labels": torch.ones(3).bool()}, ValueError, "must be integers, got bool"),
        ({"labels": ["cat", "dog", "dog"]}, TypeError, r"\['labels'\] must be a Tensor, or an arr"),
        ({"labels": np.array(["cat", "dog", "dog"])}, TypeError, "got ndarray of something else"),
        ({"labels": torch.tensor([1, 7, 1])}, ValueError,
         r"^M: targets\[1\]\['labels'\]\[1\] must lie in \[1, 2\], .* 3 classes .*, got 7$"),
        ({"labels": torch.tensor([1, 1, 0])}, ValueError,
         r"\['labels'\]\[2\] must .*, got 0: do your labels begin at 0\?"),
        ({"labels": torch.tensor([-1, 1, 0])}, ValueError, r"\['labels'\]\[0\] must .*, got -1$"),
        ({"iscrowd": [0, 2]}, ValueError, r"\['iscrowd'\] must have shape \(N,\), here \(3,\)"),
        ({"iscrowd": [0, 2, 0]}, ValueError, r"\['iscrowd'\]\[1\] must be 0 or 1, got 2$"),
        ({"iscrowd": torch.tensor([0, 0, -1])}, ValueError, r"\]\[2\] must be 0 or 1, got -1$"),
        ({"iscrowd": [0.5, 0, 0]}, ValueError, r"\['iscrowd'\]\[0\] must be 0 or 1, got 0\.5$"),
        ({"iscrowd": [float("nan"), 0, 0]}, ValueError, "must be 0 or 1, got nan$"),
        ({"iscrowd": ["no", "yes", "no"]}, TypeError, r"\['iscrowd'\] must be a Tensor"),
        ({"iscrowd": None}, TypeError, r"\['iscrowd'\] must be .* got NoneType$"),
        ({"iscrowd": 1}, TypeError, r"\['iscrowd'\] must be .* got int$"),
        ({"difficult": [0, 3, 0]}, ValueError, r"\['difficult'\]\[1\] must be 0 or 1, got 3$"),
        ({"iscrowd": torch.zeros(3, dtype=torch.complex64)}, ValueError, "got complex64"),
        ({"masks": torch.ones(3, 8, 6)}, ValueError,
         r"\['masks'\] must have shape \(N, H, W\), here \(3, 6, 8\), got \(3, 8, 6\)$"),
        ({"masks": torch.ones(2, 6, 8)}, ValueError, r"here \(3, 6, 8\), got \(2, 6, 8\)$"),
        ({"masks": torch.ones(3, 1, 6, 8)}, ValueError, r"got \(3, 1, 6, 8\)$"),
        ({"masks": torch.full((3, 6, 8), 255)}, ValueError,
         r"\['masks'\]\[0, 0, 0\] must be 0 or 1, got 255: is this a picture\?"),
        ({"masks": torch.full((3, 6, 8), 0.5)}, ValueError, r"must be 0 or 1, got 0\.5$"),
        ({"keypoints": torch.zeros(3, 14, 2)}, ValueError,
         r"\['keypoints'\] must have shape \(N, K, 3\), here \(3, 17, 3\), got \(3, 14, 2\)$"),
        ({"keypoints": torch.zeros(3, 14, 3)}, ValueError, r"here \(3, 17, 3\), got \(3, 14, 3\)$"),
        ({"keypoints": torch.full((3, 17, 3), torch.nan)}, ValueError,
         r"\['keypoints'\]\[0, 0\] must be finite, got \[nan, nan, nan\]$"),
        ({"area": torch.ones(2)}, ValueError, r"\['area'\] must have shape \(N,\), here \(3,\)"),
        ({"depth": torch.ones(3, 1)}, ValueError, r"\['depth'\] must .*, got \(3, 1\)$"),
        ({"visibility": "all"}, TypeError, r"\['visibility'\] must be .* got str$"),
        ({"proposals": torch.zeros(4)}, ValueError, r"\['proposals'\] must have shape \(P, 4\)"),
        ({"proposals": torch.tensor([[0, 0, 5, 5], [4.0, 4, 2, 6]])}, ValueError,
         r"\['proposals'\]\[1\] must be .* x1 <= x2 .*, got \[4, 4, 2, 6\]: is this one \(x, y, w"),
        ({"proposals": torch.rand(9, 4).sort(1).values}, ValueError,
         r"\['proposals'\] must be in pixels"),
        ({"crowd_boxes": torch.zeros(1, 5)}, ValueError, r"must have shape \(C, 4\), got \(1, 5\)"),
        ({"semantic": torch.zeros(8, 6).long()}, ValueError,
         r"\['semantic'\] must have shape \(H, W\), here \(6, 8\), got \(8, 6\)$"),
        ({"semantic": torch.zeros(6, 8)}, ValueError, r"\['semantic'\] must be integers, got flo"),
        ({"panoptic": torch.zeros(6, 9).long()}, ValueError, r"\['panoptic'\] must have shape"),
        ({"panoptic": torch.zeros(6, 8)}, ValueError, r"\['panoptic'\] must be integers"),
        ({"segments": [1]}, TypeError, r"\['segments'\] must be a list of dicts, got list$"),
        ({"segments": {}}, TypeError, r"\['segments'\] must be a list of dicts, got dict$"),
        ({"relations": torch.zeros(3).long()}, ValueError, r"must have shape \(R, 3\), got \(3,\)"),
        ({"relations": torch.tensor([[0, 0, 3]])}, ValueError,
         r"\['relations'\]\[0\] must name two of 3 objects, got \[0, 0, 3\]$"),
        ({"boxes": torch.tensor([*BOXES[:2], [5.0, 2, 1, 6]])}, ValueError,
         r"\['boxes'\]\[2\] must be \(x1, y1, x2, y2\) with a width and a height, got \[5, 2, "
         r"1, 6\]: is this one \(x, y, w, h\)\?$"),
        ({"boxes": torch.tensor([*BOXES[:2], [1.0, 2, 1, 6]])}, ValueError, "a width and a height"),
        ({"boxes": torch.tensor([[1, 2, torch.nan, 6], *BOXES[:2]])}, ValueError,
         r"\['boxes'\]\[0\] must be finite, got \[1, 2, nan, 6\]$"),
        ({"boxes": torch.tensor([[1, 2, torch.inf, 6], *BOXES[:2]])}, ValueError, "be finite"),
        ({"boxes": torch.tensor(BOXES) / 8}, ValueError,
         r"\['boxes'\] must be in pixels, got none beyond \[0, 1\] on an image of 8 x 6 pixels "
         r"\(width x height\): are they fractions of its sides\?$"),
    ],
)  # fmt: skip
def test_every_error_names_the_target(change, error, message):
    with pytest.raises(error, match=message) as caught:
        checked_targets(
            "M", [torch.zeros(3, 6, 8)] * 2, [GOOD, GOOD | change], num_classes=3, K=17
        )
    assert str(caught.value).startswith("M: targets[1][")
    assert "tensor(" not in str(caught.value) and len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("targets", "error", "message"),
    [
        (None, ValueError, "M: targets must be given for each of the 1 images in training, got no"),
        ([], ValueError, "each of the 1 images in training, got 0"),
        (GOOD, TypeError, "M: targets must be a list of dicts, got dict"),
        ([GOOD["boxes"]], TypeError, r"M: targets\[0\] must be a dict, got Tensor"),
        ([{}], ValueError, r"M: targets\[0\] must have 'boxes', got {}"),
        ([{"boxes": GOOD["boxes"], "image_id": 3}], ValueError, "must have 'labels', got boxes, "),
        ([GOOD], ValueError, r"M: targets\[0\] must have 'masks', got boxes, labels"),
    ],
)
def test_what_is_no_list_of_targets(targets, error, message):
    with pytest.raises(error, match=message):
        checked_targets("M", [torch.zeros(3, 6, 8)], targets, ("masks",))


def test_fractions_are_told_from_pixels():
    """All boxes in [0, 1], an image of more than 4 pixels in both directions, a look on the CPU."""
    fractions = {"boxes": torch.tensor([[0.0, 0, 1, 1], [0.2, 0.5, 0.3, 1]])}
    for size in ((5, 5), (480, 640)):
        with pytest.raises(ValueError, match="in pixels"):
            check_pixels("f: target", fractions, size)
    for size in ((4, 640), (640, 4), (1, 1)):
        check_pixels("f: target", fractions, size)
    check_pixels("f: target", {"boxes": torch.tensor([[0.0, 0, 1, 1], [0, 0, 1, 1.5]])}, (64, 64))
    check_pixels("f: target", {"boxes": torch.tensor([[-0.1, 0, 1, 1]])}, (64, 64))
    check_pixels("f: target", {"boxes": torch.zeros(0, 4)}, (64, 64))
    check_pixels("f: target", {"boxes": torch.zeros(2, 4, device="meta")}, (64, 64))


def test_nothing_is_looked_at_where_a_look_would_wait():
    """Tensors without numbers: as on CUDA, only the structure is checked."""
    target = {"boxes": torch.zeros(3, 4), "labels": torch.zeros(3).long(), "masks":
              torch.zeros(3, 6, 8), "keypoints": torch.zeros(3, 2, 3), "relations":
              torch.zeros(1, 3).long(), "difficult": torch.ones(3)}  # fmt: skip
    target = {key: value.to("meta") for key, value in target.items()}
    (same,) = checked_targets("M", [torch.zeros(3, 6, 8, device="meta")], [target], num_classes=2)
    assert {key: value.shape for key, value in same.items()} == {
        key: value.shape for key, value in target.items()
    }
    with pytest.raises(ValueError, match=r"M: targets\[0\]\['masks'\] must have shape"):
        checked_targets("M", [torch.zeros(3, 6, 9, device="meta")], [target])


def test_one_graph():
    """torch.compile(fullgraph=True) meets no look at a number, here nor in Transform."""
    transform = Transform(12, 40, size_divisible=4)

    def step(image, boxes, labels, masks):
        target = {"boxes": boxes, "labels": labels, "masks": masks, "difficult": labels - 1}
        targets = checked_targets("M", [image], [target], ("masks",), num_classes=3)
        batch = transform(transform.checked("M", [image]), targets)
        return batch.images, *(batch.targets[0][key] for key in target)

    arguments = (
        torch.rand(3, 6, 8), torch.tensor(BOXES), torch.tensor([1, 2, 1]),
        torch.ones(3, 6, 8, dtype=torch.uint8),
    )  # fmt: skip
    compiled = torch.compile(step, fullgraph=True, backend="eager")(*arguments)
    for a, b in zip(compiled, step(*arguments), strict=True):
        assert torch.equal(a, b)


def whole_target():
    """Every key of the table, and three that it does not know."""
    target = {
        "boxes": torch.tensor(BOXES), "labels": torch.tensor([2, 1, 1]),
        "iscrowd": torch.tensor([0, 1, 0]), "difficult": [1, 0, 0], "truncated": [0, 0, 1],
        "occluded": [False, False, True], "area": [12, 6, 8], "visibility": [1, 0.5, 0.25],
        "depth": np.array([2, 1, 0]), "masks": torch.zeros(3, 6, 8, dtype=torch.uint8),
        "keypoints": torch.tensor([[[1.0 + k, 2, 2]] for k in range(3)]),
        "relations": torch.tensor([[0, 0, 1], [2, 1, 0]]), "proposals": torch.tensor(BOXES[:2]),
        "crowd_boxes": [[2, 2, 8, 6]], "semantic": torch.zeros(6, 8).long(),
        "panoptic": torch.zeros(6, 8).long(), "segments": [{"id": 0}], "label": 2, "image_id": 7,
        "seed": 3,
        "track": torch.tensor([10, 11, 12]), "names": ["a", "b", "c"],
        "scores": np.array([0.1, 0.2, 0.3]), "weather": "rain",
    }  # fmt: skip
    assert KEYS.keys() <= target.keys()
    return target


def test_crowds_are_set_apart_with_all_that_is_said_of_them():
    given = whole_target()
    (target,) = checked_targets("M", [torch.zeros(3, 6, 8)], [given])
    assert target["boxes"].tolist() == [BOXES[0], BOXES[2]]
    assert crowds_of(target, torch.zeros(1).double()).tolist() == [[2, 2, 8, 6], BOXES[1]]
    assert target["labels"].tolist() == [2, 1] and target["iscrowd"].tolist() == [False] * 2
    assert target["difficult"].tolist() == [True, False]
    assert target["truncated"].tolist() == target["occluded"].tolist() == [False, True]
    assert target["area"].tolist() == [12, 8] and target["visibility"].tolist() == [1, 0.25]
    assert target["depth"].tolist() == [2, 0] and target["masks"].shape == (2, 6, 8)
    assert target["keypoints"][:, 0, 0].tolist() == [1, 3]
    assert target["relations"].tolist() == [[1, 1, 0]]  # number 2 is number 1 now
    assert target["track"].tolist() == [10, 12] and target["names"] == ["a", "c"]
    assert target["scores"].tolist() == [0.1, 0.3] and target["weather"] == "rain"
    for key in (*keys_that(of="image", moves="pixels"), "proposals", "segments", "image_id"):
        assert np.array_equal(target[key], given[key]), key
    assert given["iscrowd"].tolist() == [0, 1, 0] and len(given["boxes"]) == 3, "as it was"
    assert crowds_of({}, torch.zeros(1)) is None
    alone = {key: value for key, value in target.items() if key != "crowd_boxes"}
    assert without_crowds(alone) is alone


def test_what_belongs_to_the_objects():
    yes = [torch.zeros(3), torch.zeros(3, 2), np.zeros((3, 1)), ["a", "b", "c"], (1, 2, 3)]
    no = [torch.zeros(2, 3), torch.tensor(3), np.array(3), ["a"], 3, "abc", None, {1, 2, 3}, 3.5]
    assert all(is_of_objects("more", value, 3) for value in yes)
    assert not any(is_of_objects("more", value, 3) for value in no)
    assert not is_of_objects("proposals", torch.zeros(3, 4), 3)  # the table knows better
    assert is_of_objects("labels", torch.zeros(2), 3)


def test_what_cannot_be_moved():
    image = torch.zeros(3, 6, 8)
    assert check_movable("f", image, whole_target())["masks"].dtype == torch.bool
    for value, error, got in (
        (torch.zeros(2), ValueError, r"shape \(2,\)"), (torch.tensor(1), ValueError, r"shape \(\)"),
        (["a"], TypeError, "list"), ({}, TypeError, "dict"), (np.zeros(4), ValueError, "shape"),
    ):  # fmt: skip
        with pytest.raises(error, match=rf"f: target\['more'\] must be a number, or .* got {got}"):
            check_movable("f", image, GOOD | {"more": value})


def test_moved_by_word():
    target = {"boxes": 1, "proposals": 2, "masks": 3, "labels": 4, "more": 5}
    twice = moved(target, corners=lambda value: 2 * value, pixels=lambda value: -value)
    assert twice == {"boxes": 2, "proposals": 4, "masks": -3, "labels": 4, "more": 5}
    assert target["boxes"] == 1


def draws(seed, name):
    return torch.rand(4, generator=generator_of({"seed": seed}, name)).tolist()


def test_every_purpose_has_random_numbers_of_its_own():
    assert generator_of({}, "rpn") is None
    assert draws(1, "rpn") == draws(1, "rpn") == draws(torch.tensor(1), "rpn")
    names = ("size", "rpn", "rois", "rois of stage 1", "rois of stage 2", "rois of stage 3")
    every = [draws(seed, name) for name in names for seed in (0, 1, 2**63 - 1)]
    assert len({tuple(one) for one in every}) == len(every)
    with pytest.raises(ValueError, match=r"target\['seed'\] must be at least 0, got -1"):
        generator_of({"seed": -1}, "rpn")


# Wherever an image goes, all that is said of it stays true.

FORMS = [torch.bool, torch.uint8, torch.int64, torch.float32]


@st.composite
def scenes(draw):
    """Up to four rectangles, each before the last one, of which some hide others in part, and
    everything that a target may hold. An object's number is its "track"."""
    height, width = draw(st.integers(8, 24)), draw(st.integers(8, 24))
    owner = torch.zeros(height, width, dtype=torch.int64)
    for k in range(draw(st.integers(0, 4))):
        x, y = draw(st.integers(0, width - 3)), draw(st.integers(0, height - 3))
        owner[y : y + draw(st.integers(2, 12)), x : x + draw(st.integers(2, 12))] = k + 1
    track = owner.unique()[owner.unique() > 0]
    number = len(track)
    masks = owner == track[:, None, None]
    pick = st.integers(0, max(number - 1, 0))
    pairs = draw(st.lists(st.tuples(pick, st.integers(0, 2), pick), max_size=3)) if number else []
    joints = torch.zeros(number, 2, 3)
    for k, mask in enumerate(masks):
        rows, columns = mask.nonzero(as_tuple=True)
        for j in range(2):
            at, v = draw(st.integers(0, len(rows) - 1)), draw(st.integers(0, 2))
            if v:
                joints[k, j] = torch.tensor([columns[at] + 0.5, rows[at] + 0.5, v])
    labels = torch.tensor([1 + int(k) % 3 for k in track], dtype=torch.int64)
    crowd = [draw(st.sampled_from([0, 0, 0, 1])) for _ in range(number)]
    boxes = masks_to_boxes(masks)
    target = {
        "boxes": boxes, "labels": labels, "masks": masks.to(draw(st.sampled_from(FORMS))),
        "iscrowd": torch.tensor(crowd).to(draw(st.sampled_from(FORMS))),
        "difficult": [int(k) % 2 for k in track], "truncated": torch.zeros(number),
        "occluded": np.zeros(number, dtype=bool), "area": masks.sum((1, 2)),
        "visibility": torch.ones(number), "depth": track.flip(0), "keypoints": joints,
        "relations": torch.tensor(pairs, dtype=torch.int64).reshape(-1, 3),
        "proposals": torch.cat([boxes, torch.tensor([[0.0, 0, width, height]])]),
        "crowd_boxes": boxes[:1], "semantic": (labels[:, None, None] * masks).sum(0),
        "panoptic": owner + 10, "segments": [{"id": i} for i in (owner + 10).unique().tolist()],
        "label": 2, "image_id": 5, "seed": 1, "track": track, "names": [str(int(k)) for k in track],
    }  # fmt: skip
    assert target.keys() >= KEYS.keys()
    return torch.stack([owner / 10.0] * 3), target


MOVES = st.lists(
    st.one_of(
        st.just(("flip",)),
        st.tuples(st.just("crop"), *[st.floats(0, 1)] * 4),
        st.tuples(st.sampled_from(["resize", "transform"]), st.floats(0.2, 2)),
        st.just(("crowds",)),
    ),
    min_size=1, max_size=5,
)  # fmt: skip


def one_move(image, target, move):
    """The image and its target after a move, and how much larger they are."""
    name, *numbers = move
    height, width = image.shape[-2:]
    if name == "flip":
        return *flipped(image, target, [(0, 1)]), 1
    if name == "crop":
        x1, y1 = int(numbers[0] * (width - 1)), int(numbers[1] * (height - 1))
        x2 = x1 + 1 + int(numbers[2] * (width - 1 - x1))
        y2 = y1 + 1 + int(numbers[3] * (height - 1 - y1))
        return *cropped(image, target, (x1, y1, x2, y2), 0.2), 1
    if name == "crowds":
        return image, without_crowds(checked("f", target, (height, width))), 1
    factor = numbers[0]
    if name == "resize":
        size = max(1, round(height * factor)), max(1, round(width * factor))
        return *resized(image, target, size), max(size[0] / height, size[1] / width)
    short = max(1, round(min(height, width) * factor))
    if short * max(height, width) < 2 * min(height, width):
        short = min(height, width)  # else nothing would be left of an oblong image
    batch = Transform(short, 10**6, (0,) * 3, (1,) * 3, size_divisible=1)([image], [target])
    ((height, width),) = batch.sizes
    larger = max(height / image.shape[1], width / image.shape[2])
    return batch.images[0], batch.targets[0], larger


@settings(max_examples=150, deadline=None)
@given(scenes(), MOVES)
def test_whatever_moves_all_stays_consistent(scene, chain):
    image, before = scene
    target, flips, off, same_size, grown = before, 0, 0.0, True, 1.0
    for move in chain:
        old_size = image.shape[-2:]
        image, target, larger = one_move(image, target, move)
        flips += move[0] == "flip"
        if move[0] in ("resize", "transform"):
            off, same_size = off * larger + 1, False  # a mask is a pixel off at most, each time
            grown *= image.shape[-2] * image.shape[-1] / (old_size[0] * old_size[1])
    height, width = image.shape[-2:]
    number, track = len(target["boxes"]), target["track"].tolist()
    assert target.keys() == before.keys() and target["names"] == [str(k) for k in track]
    assert all(len(target[key]) == number for key in keys_that(of="object"))
    first = checked("f", before)
    old = [first["track"].tolist().index(k) for k in track]               # its row before
    for key in ("labels", "iscrowd", "difficult", "truncated", "occluded", "depth"):
        assert torch.equal(target[key], first[key][old]), key
    # Maps and masks have taken the same pixels.
    for mask, label, name in zip(target["masks"], target["labels"], track, strict=True):
        assert (target["semantic"][mask] == label).all()
        assert (target["panoptic"][mask] == name + 10).all()
        if same_size:
            assert torch.allclose(image[0][mask], torch.tensor(name / 10.0))
    assert tuple(target["semantic"].shape) == tuple(target["panoptic"].shape) == (height, width)
    ids = set(target["panoptic"].unique().tolist())
    if {name for name, *_ in chain} - {"flip", "crowds"}:
        assert {one["id"] for one in target["segments"]} == ids
    # Boxes lie in the image, and round their masks and joints.
    sides = torch.tensor([width, height, width, height]) + 1e-3
    for key in keys_that(moves="corners"):
        assert (target[key] >= -1e-3).all() and (target[key] <= sides).all(), key
    for box, mask, joints in zip(
        target["boxes"], target["masks"], target["keypoints"], strict=True
    ):
        if mask.any():
            (tight,) = masks_to_boxes(mask[None])
            assert (tight[:2] >= box[:2] - off - 1e-3).all()
            assert (tight[2:] <= box[2:] + off + 1e-3).all()
            if same_size:
                assert torch.equal(tight, box)
        for x, y, v in joints.tolist():
            assert v or (x, y) == (0, 0)
            if v:
                assert box[0] - off - 1e-3 <= x <= box[2] + off + 1e-3 and 0 <= x <= width + 1e-3
                assert box[1] - off - 1e-3 <= y <= box[3] + off + 1e-3 and 0 <= y <= height + 1e-3
    # As much is left of the area as is left to be seen, in pixels of another size.
    assert torch.allclose(target["area"], first["area"][old] * target["visibility"] * grown)
    if same_size:
        assert torch.allclose(target["area"], target["masks"].sum((1, 2)).float())
    assert ((target["visibility"] > 0) & (target["visibility"] <= 1 + 1e-5)).all()
    # Relations are those of the same objects.
    left, expected = RELATIONS.index("left of"), []
    for subject, relation, other in first["relations"].tolist():
        ends = [int(first["track"][end]) for end in (subject, other)]
        if relation == left and flips % 2:
            ends.reverse()
        if {*ends} <= {*track}:
            expected.append((ends[0], relation, ends[1]))
    told = [(track[s], relation, track[o]) for s, relation, o in target["relations"].tolist()]
    assert sorted(told) == sorted(expected)
    check_values("f", chosen_rows(target, (target["boxes"][:, 2:] > target["boxes"][:, :2]).all(1)),
                 (4, 4))  # fmt: skip

"""The contract of a target: what it may hold, in which form, and how that moves with its image.

    key          shape      values    of      moves
    boxes        (N, 4)     floats    object  corners   xyxy, in pixels
    labels       (N,)       classes   object  stays     from 1 on
    iscrowd      (N,)       flags     object  stays     a group that is annotated as one
    difficult    (N,)       flags     object  stays     need not be found, as VOC says
    truncated    (N,)       flags     object  stays     the image's border cuts it
    occluded     (N,)       flags     object  stays     something stands before it
    area         (N,)       floats    object  area      in pixels
    visibility   (N,)       floats    object  share     the part of it that is seen
    depth        (N,)       numbers   object  stays     0 is the nearest
    masks        (N, H, W)  flags     object  pixels    which pixels it has
    keypoints    (N, K, 3)  floats    object  points    x, y, v; v is 0 where nothing is known
    relations    (R, 3)     rows      image   pairs     subject, relation, object
    proposals    (P, 4)     floats    image   corners   where to look
    crowd_boxes  (C, 4)     floats    image   corners   crowds that were set apart
    label        ()         classes   image   stays     what the whole image shows, from 1 on
    semantic     (H, W)     classes   image   pixels    the class of each pixel
    panoptic     (H, W)     integers  image   pixels    the segment of each pixel
    segments     list       dicts     image   segments  id, category_id, iscrowd
    image_id     any        any       image   stays     a number, or a name
    seed         any        any       image   stays     a number: of what is drawn at random

N objects, R relations, P proposals, C crowds, K joints; an image of H x W pixels.

    values    as tensors, arrays of numpy or lists; they become tensors on the image's device
      floats    or integers, which become float32; float64 stays
      classes   integers, which become int64; so do `rows`, the numbers of objects
      flags     bool, or 0 and 1 as integers or floats, all of which mean the same; they become bool
      numbers   any, `integers` any of these; their dtype stays
    moves     when the image is resized, mirrored or cut
      corners   x and y of both
      points    x and y where v > 0; one that leaves the image becomes (0, 0, 0), as in COCO's files
      pixels    move; a new size takes the nearest pixel, never a mixture
      area      grows with the pixels, and is that of the part that is left
      share     is multiplied by the part that is left
      pairs     are those of objects that are left, under their new numbers; in a mirror, "a left of
                b" becomes "b left of a"
      segments  are those of which the panoptic map still shows a pixel

A key that the table does not name: if it is a tensor, an array or a list of N entries, it says one
thing of each object, and where objects are left out, so are its entries. Else it belongs to the
image; models leave it alone, and what moves images refuses it unless it is a number, a text or
None: nothing goes wrong unseen.

Every error names what is wrong by its place, such as targets[1]['labels'][0]. Numbers are looked at
on the CPU alone, and outside of torch.compile: on CUDA a look would make it wait.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from edudet import check
from edudet.data.relations import RELATIONS

Target = dict[str, Any]
Detections = dict[str, Tensor]                     # of one image: boxes, labels, scores, ...
Losses = dict[str, Tensor]                         # by name, each ()
Example = tuple[Tensor, Target]
Size = tuple[int, int]                             # (height, width)


class Key(NamedTuple):
    """A row of the table; `shape` is None for what is no tensor."""

    shape: tuple[str | int, ...] | None
    values: str
    of: str
    moves: str


KEYS = {
    "boxes": Key(("N", 4), "floats", "object", "corners"),
    "labels": Key(("N",), "classes", "object", "stays"),
    "iscrowd": Key(("N",), "flags", "object", "stays"),
    "difficult": Key(("N",), "flags", "object", "stays"),
    "truncated": Key(("N",), "flags", "object", "stays"),
    "occluded": Key(("N",), "flags", "object", "stays"),
    "area": Key(("N",), "floats", "object", "area"),
    "visibility": Key(("N",), "floats", "object", "share"),
    "depth": Key(("N",), "numbers", "object", "stays"),
    "masks": Key(("N", "H", "W"), "flags", "object", "pixels"),
    "keypoints": Key(("N", "K", 3), "floats", "object", "points"),
    "relations": Key(("R", 3), "rows", "image", "pairs"),
    "proposals": Key(("P", 4), "floats", "image", "corners"),
    "crowd_boxes": Key(("C", 4), "floats", "image", "corners"),
    "label": Key((), "classes", "image", "stays"),
    "semantic": Key(("H", "W"), "classes", "image", "pixels"),
    "panoptic": Key(("H", "W"), "integers", "image", "pixels"),
    "segments": Key(None, "dicts", "image", "segments"),
    "image_id": Key(None, "any", "image", "stays"),
    "seed": Key(None, "any", "image", "stays"),
}


def keys_that(**wanted: Any) -> list[str]:
    """The keys with these entries in their rows, such as `keys_that(moves="pixels")`."""
    return [
        key for key, row in KEYS.items()
        if all(getattr(row, name) == value for name, value in wanted.items())
    ]


def checked(
    name: str, target: Any, size: Size | None = None, *, needs: Sequence[str] = (),
    device: torch.device | None = None, **sides: int | None,
) -> Target:
    """Return a target with all that the table names in the form that the table names.

    Args:
        name: how errors begin, such as "FasterRCNN: targets[0]".
        target: stays as it is.
        size: of its image. None: not known.
        needs: the keys that it must have.
        device: of its image; None: any.
        sides: what must be the number of something else, such as K=17.

    Raises:
        TypeError, ValueError: something does not fit.
    """
    if not isinstance(target, Mapping):
        raise TypeError(f"{name} must be a dict, got {type(target).__name__}")
    for key in needs:
        if key not in target:
            raise ValueError(f"{name} must have {key!r}, got {', '.join(map(str, target)) or '{}'}")
    known = {side: length for side, length in sides.items() if length is not None}
    if size is not None:
        known |= {"H": size[0], "W": size[1]}
    whole = dict(target)
    # In the order of the table: the boxes come first and say how many objects there are.
    for key in (key for key in KEYS if key in target):
        whole[key] = _formed(f"{name}[{key!r}]", target[key], KEYS[key], known, device)
    return whole


def _formed(
    place: str, value: Any, row: Key, sides: dict[str, int], device: torch.device | None
) -> Any:
    if row.values == "any":
        return value
    if row.values == "dicts":
        if not isinstance(value, (list, tuple)) or not all(isinstance(v, Mapping) for v in value):
            raise TypeError(f"{place} must be a list of dicts, got {type(value).__name__}")
        return value
    tensor = _as_tensor(place, value, row.shape or (), sides)
    _check_shape(place, tensor, row, sides)
    if device is not None and tensor.device != device:
        if isinstance(value, Tensor):
            raise ValueError(
                f"{place} must be on the device of its image, {device}, got {tensor.device}"
            )
        tensor = tensor.to(device)
    return VALUES[row.values](place, tensor)


def _as_tensor(
    place: str, value: Any, shape: Sequence[str | int], sides: Mapping[str, int]
) -> Tensor:
    if isinstance(value, Tensor):
        return _plain(value)
    try:
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            # torch takes no foreign byte order, no negative strides, and warns of read-only arrays.
            native = np.require(value, value.dtype.newbyteorder("="), ["C", "W"])
            return torch.from_numpy(native)
        if isinstance(value, (int, float, np.number)) and shape == ():
            return torch.tensor(value)
        if isinstance(value, (list, tuple)):
            if len(value) == 0:
                empty = [side if isinstance(side, int) else sides.get(side, 0) for side in shape]
                return torch.zeros(0, *empty[1:])
            return _of_list(value)
    except (TypeError, ValueError, RuntimeError):
        pass  # a list of texts, of lists of unequal length, of tensors of unlike shapes
    raise TypeError(
        f"{place} must be a Tensor, or an array or a list of numbers, got {type(value).__name__}"
        f"{' of something else' if isinstance(value, (list, tuple, np.ndarray)) else ''}"
    )


def _plain(value: Tensor) -> Tensor:
    """A tensor that has another name, such as torchvision's Mask, as the tensor that it is."""
    named = type(value) not in (Tensor, torch.nn.Parameter)
    if named and type(value).__torch_dispatch__ is Tensor.__torch_dispatch__:
        return value.as_subclass(Tensor)
    return value


def _of_list(value: Sequence[Any]) -> Tensor:
    if all(isinstance(one, Tensor) for one in value):
        return torch.stack([_plain(one) for one in value])
    if all(isinstance(one, np.ndarray) for one in value):
        return torch.from_numpy(np.stack(value))
    return torch.tensor(value)


def _check_shape(place: str, tensor: Tensor, row: Key, sides: dict[str, int]) -> None:
    wanted = row.shape or ()
    good = tensor.ndim == len(wanted)
    for side, length in zip(wanted, tensor.shape, strict=False) if good else ():
        good = good and length == (side if isinstance(side, int) else sides.get(side, length))
    if good:
        sides |= {
            side: length for side, length in zip(wanted, tensor.shape, strict=True)
            if isinstance(side, str)
        }
        return
    here = tuple(side if isinstance(side, int) else sides.get(side, side) for side in wanted)
    here_words = _in_words(here)
    raise ValueError(
        f"{place} must have shape {_in_words(wanted)}"
        f"{f', here {here_words}' if here != wanted else ''}, got {tuple(tensor.shape)}"
    )


def _in_words(shape: Sequence[str | int]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def _floats(place: str, value: Tensor) -> Tensor:
    if value.dtype == torch.bool or value.is_complex():
        _wrong_dtype(place, "floats", value)
    return value if value.dtype in (torch.float32, torch.float64) else value.float()


def _classes(place: str, value: Tensor) -> Tensor:
    return _integers(place, value).long()


def _integers(place: str, value: Tensor) -> Tensor:
    # Of no object there is nothing that could be no integer: torch.tensor([]) is float32.
    if value.numel() == 0:
        return value if _is_whole(value) else value.long()
    if not _is_whole(value):
        _wrong_dtype(place, "integers", value)
    return value


def _is_whole(value: Tensor) -> bool:
    return value.dtype != torch.bool and not value.is_floating_point() and not value.is_complex()


def _flags(place: str, value: Tensor) -> Tensor:
    if value.dtype == torch.bool:
        return value
    if value.is_complex():
        _wrong_dtype(place, "bools, or 0 and 1", value)
    if check.can_look(value):
        for index in ((value != 0) & (value != 1)).nonzero()[:1].tolist():
            got = value[tuple(index)].item()
            question = ": is this a picture? Its mask is where it is not 0" if got == 255 else ""
            raise ValueError(f"{_at(place, index)} must be 0 or 1, got {got:g}{question}")
    return value != 0


def _numbers(place: str, value: Tensor) -> Tensor:
    return value


VALUES: dict[str, Callable[[str, Tensor], Tensor]] = {
    "floats": _floats, "classes": _classes, "rows": _classes, "flags": _flags,
    "numbers": _numbers, "integers": _integers,
}  # fmt: skip


def _wrong_dtype(place: str, rule: str, value: Tensor) -> None:
    got = str(value.dtype).removeprefix("torch.")
    raise ValueError(f"{place} must be {rule}, got {got}")


def _at(place: str, index: Sequence[int]) -> str:
    return f"{place}[{', '.join(map(str, index))}]"


def flags_of(target: Mapping[str, Any], key: str, name: str = "target") -> Tensor:
    """(N,) bool: what a target says of each object with this key; none, if it says nothing."""
    boxes = checked(name, {"boxes": target["boxes"]})["boxes"]
    if key not in target:
        return torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    sides = {"N": len(boxes)}
    return _formed(f"{name}[{key!r}]", target[key], KEYS[key], sides, boxes.device)


def ignored(target: Mapping[str, Any], name: str = "target") -> Tensor:
    """(N,) bool: the objects that need not be found: crowds, and what VOC calls difficult."""
    return flags_of(target, "iscrowd", name) | flags_of(target, "difficult", name)


def chosen_rows(target: Target, keep: Tensor) -> Target:
    """The target of the objects to keep, (N,) bool."""
    rows = keep.nonzero()[:, 0]
    chosen = {
        key: _entries(value, rows) if is_of_objects(key, value, len(keep)) else value
        for key, value in target.items()
    }
    for key in keys_that(values="rows"):
        if key in target:
            subject, relation, other = checked("target", {key: target[key]})[key].unbind(1)
            both = keep[subject] & keep[other]
            number = keep.cumsum(0) - 1                                  # old number -> new number
            chosen[key] = torch.stack([number[subject], relation, number[other]], 1)[both]
    return chosen


def is_of_objects(key: str, value: Any, number: int) -> bool:
    """Whether it says one thing of each of so many objects."""
    if key in KEYS:
        return KEYS[key].of == "object"
    if not isinstance(value, (Tensor, np.ndarray)):
        return isinstance(value, (list, tuple)) and len(value) == number
    return value.ndim > 0 and len(value) == number


def _entries(value: Any, rows: Tensor) -> Any:
    if isinstance(value, Tensor):
        return value[rows.to(value.device)]
    if isinstance(value, np.ndarray):
        return value[rows.cpu().numpy()]
    return [value[i] for i in rows.tolist()]


def check_movable(function: str, image: Any, target: Any) -> Target:
    """Return a target in the form of the table, all of which can be moved."""
    check.is_tensor(function, image=image)
    check.dtype(function, (torch.float32, torch.float64), image=image)
    if image.ndim != 3 or 0 in image.shape:
        raise ValueError(f"{function}: image must have shape (3, H, W), got {tuple(image.shape)}")
    size = (image.shape[-2], image.shape[-1])
    target = checked(
        f"{function}: target", target, size, needs=("boxes",), device=image.device
    )
    number = len(target["boxes"])
    for key, value in target.items():
        if key in KEYS or isinstance(value, (int, float, str, type(None))):
            continue
        if not is_of_objects(key, value, number):
            shaped = isinstance(value, (Tensor, np.ndarray))
            got = f"shape {tuple(value.shape)}" if shaped else type(value).__name__
            raise (ValueError if shaped else TypeError)(
                f"{function}: target[{key!r}] must be a number, or have an entry for each of the "
                f"{number} objects, got {got}; leave out what cannot be moved"
            )
    return target


def moved(target: Target, **how: Callable[[Any], Any]) -> Target:
    """A target of which each key is moved as its row says, such as `moved(target, corners=...)`;
    what is not said how to move stays."""
    return {
        key: how[KEYS[key].moves](value) if key in KEYS and KEYS[key].moves in how else value
        for key, value in target.items()
    }


def mirrored_relations(relations: Tensor) -> Tensor:
    subject, relation, other = relations.unbind(1)
    sideways = relation == RELATIONS.index("left of")
    return torch.stack(
        [other.where(sideways, subject), relation, subject.where(sideways, other)], 1
    )


def left_segments(target: Target) -> Target:
    """Without the segments of which the panoptic map shows no pixel."""
    if "segments" not in target or "panoptic" not in target:
        return target
    present = set(target["panoptic"].unique().tolist())
    return target | {"segments": [one for one in target["segments"] if one["id"] in present]}


def checked_targets(
    model: str, images: Sequence[Tensor], targets: Sequence[Target] | None,
    needs: Sequence[str] = (), num_classes: int | None = None, **sides: int | None,
) -> list[Target]:
    """What training needs: as many targets as images, with boxes that have a width and a height,
    their labels, and `needs`.

    Crowds, of which a target may say "iscrowd", are set apart as "crowd_boxes": none of them is one
    object, and none of what lies in them is background.

    Args:
        model: the name of its class, with which errors begin.
        images: each (C, H, W).
        num_classes: labels are below it. None: not known.
        sides: as for `checked`.
    """
    check_number(model, images, targets, "in training")
    every = []
    for i, (image, target) in enumerate(zip(images, targets or (), strict=True)):
        name, size = f"{model}: targets[{i}]", (image.shape[-2], image.shape[-1])
        one = checked(
            name, target, size, needs=("boxes", "labels", *needs), device=image.device, **sides
        )
        check_values(name, one, size, num_classes)
        every.append(without_crowds(one))
    return every


def check_number(
    model: str, images: Sequence[Tensor], targets: Any, when: str = "if there are any"
) -> None:
    """There must be a target for each image."""
    if targets is not None and not isinstance(targets, (list, tuple)):
        raise TypeError(f"{model}: targets must be a list of dicts, got {type(targets).__name__}")
    if targets is None or len(targets) != len(images):
        raise ValueError(
            f"{model}: targets must be given for each of the {len(images)} images {when}, "
            f"got {'none' if targets is None else len(targets)}"
        )


def check_values(name: str, target: Target, size: Size, num_classes: int | None = None) -> None:
    """Whether the numbers of a target, in the form of the table, can be those of an image of this
    size; as far as can be seen without waiting for a GPU."""
    seen = {
        key: value.detach() for key, value in target.items()
        if key in KEYS and isinstance(value, Tensor) and check.can_look(value)
    }
    for key in keys_that(moves="corners"):
        if key in seen:
            _check_boxes(f"{name}[{key!r}]", seen[key], sides=key == "boxes")
    check_pixels(name, target, size)
    if "labels" in seen:
        _check_labels(f"{name}['labels']", seen["labels"], num_classes)
    for key in keys_that(moves="points"):
        if key in seen:
            good = seen[key].isfinite().all(-1) | (seen[key][..., 2] == 0)
            _check_each(f"{name}[{key!r}]", seen[key], good, "be finite")
    for key in keys_that(values="rows"):
        if key in seen and "boxes" in target:
            ends, number = seen[key][:, ::2], len(target["boxes"])
            good = ((ends >= 0) & (ends < number)).all(1)
            _check_each(f"{name}[{key!r}]", seen[key], good, f"name two of {number} objects")


def _check_boxes(place: str, boxes: Tensor, sides: bool) -> None:
    _check_each(place, boxes, boxes.isfinite().all(1), "be finite")
    if sides:
        good, rule = (boxes[:, 2:] > boxes[:, :2]).all(1), "with a width and a height"
    else:
        good, rule = (boxes[:, 2:] >= boxes[:, :2]).all(1), "with x1 <= x2 and y1 <= y2"
    question = ": is this one (x, y, w, h)?"
    _check_each(place, boxes, good, f"be (x1, y1, x2, y2) {rule}", question)


def check_pixels(name: str, target: Target, size: Size) -> None:
    """Boxes must be given in pixels. Those of one image that all lie in [0, 1] could do so only by
    chance, unless it is tiny."""
    for key in keys_that(moves="corners"):
        if key in target and check.can_look(target[key]):
            _check_pixels(f"{name}[{key!r}]", target[key], size)


def _check_pixels(place: str, boxes: Tensor, size: Size) -> None:
    if len(boxes) and min(size) > 4 and ((boxes >= 0) & (boxes <= 1)).all():
        raise ValueError(
            f"{place} must be in pixels, got none beyond [0, 1] on an image of {size[1]} x "
            f"{size[0]} pixels (width x height): are they fractions of its sides?"
        )


def _check_labels(place: str, labels: Tensor, num_classes: int | None) -> None:
    good, rule = labels >= 1, "be at least 1 (0 is background)"
    if num_classes is not None:
        good = good & (labels < num_classes)
        rule = (
            f"lie in [1, {num_classes - 1}], for the model has {num_classes} classes and 0 is "
            "background"
        )
    for i in (~good).nonzero()[:1, 0].tolist():
        question = ": do your labels begin at 0?" if labels[i] == 0 else ""
        raise ValueError(f"{place}[{i}] must {rule}, got {labels[i].item()}{question}")


def _check_each(place: str, values: Tensor, good: Tensor, rule: str, question: str = "") -> None:
    for index in (~good).nonzero()[:1].tolist():
        numbers = ", ".join(f"{value:g}" for value in values[tuple(index)].tolist())
        raise ValueError(f"{_at(place, index)} must {rule}, got [{numbers}]{question}")


def without_crowds(target: Target) -> Target:
    """A target in the form of the table, whose crowds are set apart as "crowd_boxes"."""
    if "iscrowd" not in target or not target["iscrowd"].any():
        return target
    crowds = target["boxes"][target["iscrowd"]]
    if "crowd_boxes" in target:
        crowds = torch.cat([target["crowd_boxes"].to(crowds), crowds])
    return {**chosen_rows(target, ~target["iscrowd"]), "crowd_boxes": crowds}


def crowds_of(target: Target, like: Tensor) -> Tensor | None:
    """"crowd_boxes" in the dtype of other boxes; None: there are none."""
    return target["crowd_boxes"].to(like) if "crowd_boxes" in target else None


def generator_of(
    target: Target, name: str, device: torch.device | str = "cpu"
) -> torch.Generator | None:
    """The random numbers that are drawn for one purpose, called `name`, from the "seed" of one
    image: the same, whichever images stand beside it in its batch, and others than those of any
    other purpose. None: it has no seed."""
    if "seed" not in target:
        return None
    seed = int(target["seed"])
    if seed < 0:
        raise ValueError(f"generator_of: target['seed'] must be at least 0, got {seed}")
    mixed = np.random.SeedSequence([seed, *name.encode()]).generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(mixed >> np.uint64(1)))

"""The table of docs/keep.md is true: every key of every model, when it is there, of what shape."""

import re
from pathlib import Path

import pytest
import torch

from edudet.data import Scenes
from edudet.training.recipes import RECIPES

PAGE = Path(__file__).parents[2] / "docs" / "keep.md"
LINE = re.compile(r"\| (`.*`) \| .* \| (.*) \| (.*) \| (always|training|evaluation) \|")
LINES = [LINE.fullmatch(line) for line in PAGE.read_text().splitlines() if line.startswith("| `")]
# The classifier of digits is nothing but a sequence of layers.
NAMES = [name for name in RECIPES if name != "digit_net"]


def expected(name, training):
    """Key -> shape as the table says it."""
    rows = {}
    for line in LINES:
        keys, shape, models, when = line.groups()
        if models != "all" and name not in models.split():
            continue
        if when == "always" or (when == "training") == training:
            rows |= dict.fromkeys(re.findall(r"`(\w+)`", keys), shape)
    return rows


def check(key, value, shape, letters):
    """Whether a value has a shape; a letter means one number, of one level or image, everywhere."""
    if shape.startswith("each "):
        assert isinstance(value, (list, tuple)) and value, key
        for number, one in enumerate(value):
            check(f"{key}[{number}]", one, shape.removeprefix("each "), letters | {"#": number})
    elif not shape.startswith("("):
        kinds = {"dictionary": dict}
        assert isinstance(value, kinds.get(shape, type(value))), key
        assert shape in kinds or type(value).__name__ == shape, key
    else:
        words = shape.strip("()").split(", ")
        sides = value.shape[: len(words) - 1] if words[-1] == "..." else value.shape
        words = words[: len(sides)] if words[-1] == "..." else words
        assert len(words) == len(sides), (key, tuple(value.shape), shape)
        for word, side in zip(words, sides, strict=True):
            times, letter = re.fullmatch(r"(\d*)(.*)", word).groups()
            wanted = int(times or 1)
            if letter:
                place = (letter, letters.get("#") if "_" in letter else None)
                wanted *= letters["known"].setdefault(place, side // wanted)
            assert side == wanted, (key, tuple(value.shape), shape, letters)


@pytest.fixture(scope="module")
def people():
    pairs = [Scenes("people", "train")[i] for i in range(2)]
    for _, target in pairs:
        boxes = target["boxes"]
        more = boxes.new_tensor([[0, 0, 40, 60], [60, 50, 128, 128]])
        target["proposals"] = torch.cat([boxes, (boxes + 5).clamp(max=128), more])
    return [image for image, _ in pairs], [target for _, target in pairs]


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("name", NAMES)
def test_the_table_is_true(name, training, people):
    images, targets = people
    torch.manual_seed(0)
    recipe = RECIPES[name]
    scenes = Scenes(recipe.level, "train")
    classes = 2 if "semantic" not in recipe.task.NEEDS else len(scenes.categories) + 2
    model = recipe.model(classes).train(training)
    if hasattr(getattr(model, "box_branch", None), "svms"):
        model.box_branch.svms.trained.fill_(True)
    given = targets if training else [{"proposals": t["proposals"]} for t in targets]
    keep = {}
    model(images, given if training or recipe.prepare else None, keep=keep)
    rows = expected(name, training)
    assert keep.keys() == rows.keys()
    letters = {"known": {("N", None): len(images)}}
    if "C" in " ".join(rows.values()):
        letters["known"]["C", None] = classes
    for key, shape in rows.items():
        check(key, keep[key], shape, letters)


def test_a_wrong_table_is_seen():
    known = {"known": {}}
    check("a", torch.zeros(2, 8), "(N, 4C)", known)
    assert known["known"] == {("N", None): 2, ("C", None): 2}
    with pytest.raises(AssertionError):
        check("b", torch.zeros(3, 2), "(N, C)", known)
    with pytest.raises(AssertionError):
        check("c", [torch.zeros(2, 2, 1)], "each (N, C)", known)
    with pytest.raises(AssertionError):
        check("d", {}, "Batch", known)
    check("e", torch.zeros(2, 5, 7), "(N, ...)", known)

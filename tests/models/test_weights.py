"""The weights that come with edudet: small, as good as their table says, able to learn."""

import json

import pytest
import torch

from edudet.data.about import about
from edudet.training import run
from edudet.training.evaluate import evaluate
from edudet.training.recipes import RECIPES
from edudet.training.shipped import SHIPPED

NAMES = sorted(path.stem for path in SHIPPED.glob("*.pt"))
# One in the fast suite, the others in the slow one.
EACH = [
    pytest.param(name, marks=[] if name == "faster_rcnn" else pytest.mark.slow) for name in NAMES
]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_some_come_with_the_package():
    assert "faster_rcnn" in NAMES and set(NAMES) <= set(RECIPES)


@pytest.mark.parametrize("name", NAMES)
def test_they_are_small(name):
    assert (SHIPPED / f"{name}.pt").stat().st_size <= 5e6


@pytest.mark.parametrize("name", EACH)
def test_they_are_as_good_as_was_measured(name):
    model, facts, _ = run.load_trained(name, None)
    measured = json.loads((SHIPPED / f"{name}.json").read_text())
    assert measured["images"] == 500 and measured["seed"] == facts["seed"]
    recipe = RECIPES[name]
    few = run.prepared(recipe, run.Source().open(recipe, "test", length=60))
    found = evaluate(model, few, recipe.task)
    for key in recipe.task.SHOWN[:2]:
        assert found[key] == pytest.approx(measured[key], abs=0.08 if key == "AP" else 0.06), key


@pytest.mark.parametrize("name", EACH)
def test_a_model_like_them_learns(name):
    """From nothing, a few steps on the same scenes."""
    recipe = RECIPES[name]
    scenes = run.prepared(recipe, run.Source().open(recipe, "train", length=4))
    images, targets = zip(*(scenes[i] for i in range(4)), strict=True)
    targets = [{**target, "seed": 1} for target in targets]  # the same anchors and RoIs each time
    torch.manual_seed(0)
    model = recipe.new_model(about(scenes)).train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    losses = []
    for _ in range(16):
        loss = sum(model(list(images), targets).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-3:]) < 0.8 * sum(losses[:3])

"""One detector in several variants: trained, measured, and not done twice.

Each variant has a folder, named after it, the steps and the seed, with the files of `train` and
metrics.json. A study that was broken off goes on where it was: what is finished is read, and a
training that has begun is resumed.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edudet.data import Scenes
from edudet.data.about import about
from edudet.data.proposals import WithProposals
from edudet.tasks import Task
from edudet.tasks.detection import BOX
from edudet.training import train
from edudet.training.evaluate import evaluate
from edudet.training.machine import computes_in_bfloat16, keep_freed_memory
from edudet.training.recipes import Recipe
from edudet.training.run import load_trained, write_json
from edudet.training.shipped import find_weights

Settle = Callable[[nn.Module, Any, Path], dict[str, float]]


@dataclass(frozen=True)
class Variant:
    """What is different in one of them.

    Args:
        name: as it is shown, unlike those of the others.
        model: makes the model, as a recipe's does.
        value: the number that is varied, if it is one.
        settle: called with the trained model, the training images and a folder for what is dear to
            compute; changes the model, and returns numbers for the table.
        training: variants that share this name share one training.
    """

    name: str
    model: Callable[..., nn.Module]
    value: float | None = None
    settle: Settle | None = None
    training: str = ""


@dataclass(frozen=True)
class Panel:
    """A part of the figure: what its vertical axis says, and which numbers it shows under which
    names."""

    label: str
    shown: dict[str, str]


@dataclass(frozen=True)
class Ablation:
    """A question, and the variants that answer it.

    Args:
        question: the title of the figure.
        lesson: what to look at.
        recipe: level, learning rate and so on of all variants.
        variants: the first is the one that nothing was taken away from, or the smallest number.
        panels: of the figure.
        axis: what `value` is; "" where variants are no numbers.
        tests: (prefix, level, task): what is measured; names of numbers begin with the prefix.
        length: of the training set; None: all scenes.
        proposals: whether the model needs them from outside.
        shipped: the model that the package brings weights of, if these will do.
        derived: further numbers from those of a variant and its value.
    """

    question: str
    lesson: str
    recipe: Recipe
    variants: tuple[Variant, ...]
    panels: tuple[Panel, ...]
    axis: str = ""
    tests: tuple[tuple[str, str, Task], ...] = (("", "default", BOX),)
    length: int | None = None
    proposals: bool = False
    shipped: str = ""
    derived: Callable[[dict[str, Any], float], dict[str, float]] | None = None


@dataclass(frozen=True)
class Setting:
    """What a number depends on besides its variant."""

    ablation: str
    iterations: int
    seed: int
    scenes: int  # how many test scenes
    shipped: str = ""  # the model whose weights stand in for a training
    digest: str = ""  # of these weights
    torch: str = field(default_factory=lambda: str(torch.__version__))
    amp: bool = field(default_factory=computes_in_bfloat16)  # mixed precision, if that is faster


def measured(ablation: Ablation, variant: Variant, setting: Setting, out: Path) -> dict[str, Any]:
    """Return the numbers of a variant, from its metrics.json if it has one of this setting."""
    path = folder_of(variant.name, setting, out) / "metrics.json"
    if path.exists():
        before = json.loads(path.read_text())
        if before["setting"] == vars(setting):
            return before["numbers"]
    dataset = _dataset(ablation, ablation.recipe.level, "train", setting, out)
    model, numbers = _trained(ablation, variant, setting, dataset, out)
    if variant.settle:
        numbers |= variant.settle(model, dataset, out / "features")
    for prefix, level, task in ablation.tests:
        test = _dataset(ablation, level, "test", setting, out)
        found = evaluate(model, test, task, progress=True)
        numbers |= {prefix + name: value for name, value in found.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"setting": vars(setting), "variant": variant.name, "numbers": numbers})
    return numbers


def folder_of(name: str, setting: Setting, out: Path) -> Path:
    words = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-")
    return out / f"{words}-{setting.iterations}steps-seed{setting.seed}"


def _trained(
    ablation: Ablation, variant: Variant, setting: Setting, dataset: Any, out: Path
) -> tuple[nn.Module, dict[str, Any]]:
    """The model, and its losses: means over the last tenth of the steps."""
    if setting.shipped:
        return load_trained(setting.shipped, find_weights(setting.shipped))[0], {}
    keep_freed_memory()
    recipe = ablation.recipe
    with torch.random.fork_rng():
        torch.manual_seed(setting.seed)
        model = variant.model(**recipe.task.model_arguments(about(dataset)))
    history = train(
        model, dataset, out=folder_of(variant.training or variant.name, setting, out),
        iterations=setting.iterations, batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate, seed=setting.seed, amp=setting.amp, resume=True,
        about={"ablation": setting.ablation, "variant": variant.training or variant.name},
        **recipe.training,
    )  # fmt: skip
    last = max(setting.iterations // 10, 1)
    losses = {
        name: sum(values[-last:]) / last
        for name, values in history.items() if name.startswith("loss")
    }  # fmt: skip
    return model.eval(), losses


def _dataset(
    ablation: Ablation, level: str, split: str, setting: Setting, out: Path
) -> Any:
    length = setting.scenes if split == "test" else ablation.length
    scenes = Scenes(level, split, setting.seed, length)
    return WithProposals(scenes, out / "proposals") if ablation.proposals else scenes

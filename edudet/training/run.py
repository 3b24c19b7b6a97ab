"""`edudet train` and `edudet eval`: from a recipe's name to files. (`edudet detect`: detect.py.)"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edudet.data.about import about
from edudet.data.files import write_atomically
from edudet.data.renumbered import Renumbered
from edudet.tasks import check_gives
from edudet.training.checkpoint import WEIGHTS, fill, load, load_weights, save_weights
from edudet.training.distributed import own_device
from edudet.training.evaluate import evaluate
from edudet.training.loop import train
from edudet.training.machine import computes_in_bfloat16, keep_freed_memory
from edudet.training.published_weights import PUBLISHED, read_published
from edudet.training.recipes import RECIPES, Recipe
from edudet.training.shipped import find_weights


@dataclass(frozen=True)
class Source:
    """Where images come from: generated scenes of a level, or a folder.

    Args:
        level: of the scenes; None: the recipe's data, mostly scenes of a level.
        coco: (folder of images, file of annotations).
        voc: a folder in VOC's layout, of 2007.
        test_set: of a VOC folder, the image set that is measured on; it is trained on "trainval".
        classes: of a VOC folder, the names of its classes; None: VOC's.
        one_based: of a VOC folder, whether its boxes are counted as VOC counts (`VocFolder`).
    """

    level: str | None = None
    coco: tuple[Path, Path] | None = None
    voc: Path | None = None
    test_set: str = "test"
    classes: tuple[str, ...] | None = None
    one_based: bool = True

    def name(self, recipe: Recipe) -> str:
        if self.coco:
            return f"coco {self.coco[1].name}"
        if self.voc:
            return f"voc {self.voc.name}"
        if recipe.data and not self.level:
            return recipe.data.__name__.lower()
        return f"scenes {self.level or recipe.level}"

    def open(self, recipe: Recipe, split: str, seed: int = 0, length: int | None = None) -> Any:
        """The dataset, without what `recipe.prepare` adds; `length`: images, if it is no folder."""
        from edudet.data import Scenes
        from edudet.data.coco import CocoFolder
        from edudet.data.voc import CLASSES, VocFolder

        needs = recipe.task.NEEDS
        if self.coco:
            crowds = split != "train"  # where none is one object, there is none to learn from
            return CocoFolder(*self.coco, keep_crowds=crowds, masks="masks" in needs)
        if self.voc:
            image_set = "trainval" if split == "train" else self.test_set
            kind = "segmentation" if {"masks", "semantic"} & {*needs} else "boxes"
            return VocFolder(
                self.voc, image_set=image_set, kind=kind, keep_difficult=split != "train",
                categories=self.classes or CLASSES, one_based=self.one_based,
            )
        if recipe.data and not self.level:
            return recipe.data(split, length)
        if length is None and split == "train":
            length = recipe.length
        return Scenes(self.level or recipe.level, split, seed, length)


def recipe_of(name: str, to_train: bool = True) -> Recipe:
    """to_train: False where a model that comes trained will do, too."""
    known = RECIPES if to_train else RECIPES | PUBLISHED
    if name not in known:
        raise ValueError(f"MODEL must be one of {', '.join(known)}, got {name!r}")
    return known[name]


def train_model(
    name: str, out: Path, seed: int = 0, *, source: Source = Source(),
    iterations: int | None = None, batch_size: int | None = None, workers: int = 0,
    device: str = "cpu", amp: bool | None = None, resume: bool = False,
) -> dict[str, Any] | None:
    """Train a model by its recipe into a folder: the files of `train`, metrics.json and model.pt.

    amp: mixed precision; None: as the recipe says, on a CPU that computes in bfloat16.

    Returns:
        What metrics.json holds, measured on the source's test images (of a COCO folder there are
        no others than those it was trained on); None in processes but the first.
    """
    recipe = recipe_of(name)
    place = own_device(device)
    if amp is None:
        amp = recipe.amp and place.type == "cpu" and computes_in_bfloat16()
    keep_freed_memory()
    dataset = source.open(recipe, "train", seed)
    check_gives("train", recipe.task, dataset, source.name(recipe))
    dataset = prepared(recipe, dataset)
    torch.manual_seed(seed)
    model = recipe.new_model(about(dataset))
    steps = iterations or recipe.iterations
    history = train(
        model, dataset, out=out, iterations=steps,
        batch_size=batch_size or recipe.batch_size, learning_rate=recipe.learning_rate, seed=seed,
        workers=workers, device=device, amp=amp, resume=resume,
        about={"model": name, "source": source.name(recipe)}, **recipe.training,
    )  # fmt: skip
    if not history:
        return None
    seconds, begin = history["seconds"][-1], time.perf_counter()
    if recipe.finish:
        recipe.finish(model, dataset)
        seconds += time.perf_counter() - begin
    facts = {
        "model": name, "source": source.name(recipe), "seed": seed, "iterations": steps,
        "batch_size": batch_size or recipe.batch_size, "torch": str(torch.__version__),
    }  # fmt: skip
    save_weights(out / "model.pt", model, **facts, **about(dataset))
    load_weights(out / "model.pt", model)  # what is measured is what the file holds
    test = prepared(recipe, source.open(recipe, "test"))
    numbers = evaluate(model, test, recipe.task, device=place, workers=workers, progress=True)
    metrics = {
        **numbers, "train_seconds": seconds, **facts, "kind": recipe.task.NAME,
        "device": place.type, "amp": amp, "threads": torch.get_num_threads(),
        "loss": history["loss"][-1],
    }  # fmt: skip
    write_json(out / "metrics.json", metrics)
    return metrics


def prepared(recipe: Recipe, dataset: Any) -> Any:
    return recipe.prepare(dataset) if recipe.prepare else dataset


def load_trained(name: str, weights: Path | None) -> tuple[nn.Module, dict[str, Any], Path]:
    """Return a model with its weights, in eval mode; what is written in their file; and the file,
    which is by default the one that comes with edudet."""
    recipe = recipe_of(name, to_train=False)
    if name in PUBLISHED:
        if weights is None:
            raise ValueError(f"no weights of {name} come with edudet, and nothing is "
                             f"downloaded: fetch torchvision's file, and name it: --weights FILE")
        return *read_published(name, weights), weights
    path = weights or find_weights(name)
    facts = load(path, WEIGHTS)
    if facts.get("model") != name:
        raise ValueError(f"{path} must hold the weights of {name}, got {facts.get('model')!r}")
    model = recipe.new_model(facts)
    fill(path, model, facts.pop("state_dict"))
    return model.eval(), facts, path


def evaluate_model(
    name: str, weights: Path | None, *, source: Source = Source(),
    workers: int = 0, device: str = "cpu", progress: bool = True,
) -> dict[str, Any]:
    """Measure a trained model on a source's test images."""
    recipe = recipe_of(name, to_train=False)
    model, facts, path = load_trained(name, weights)
    dataset = source.open(recipe, "test")
    _check_same(name, path, facts, about(dataset))
    check_gives("eval", recipe.task, dataset, source.name(recipe))
    dataset = prepared(recipe, Renumbered(dataset, facts["categories"]))
    numbers = evaluate(
        model, dataset, recipe.task, device=own_device(device), workers=workers, progress=progress
    )
    return {**numbers, "model": name, "source": source.name(recipe), "kind": recipe.task.NAME,
            "weights": str(path)}  # fmt: skip


def _check_same(
    name: str, path: Path, facts: Mapping[str, Any], said: Mapping[str, Any]
) -> None:
    """Whether a model knows all that images show, and calls joints and the like as they do."""
    if not set(said["categories"]) <= set(facts["categories"]):
        raise ValueError(f"eval: {path} must know the classes of the images, "
                         f"{', '.join(said['categories'])}, got {', '.join(facts['categories'])}")
    for what in recipe_of(name, to_train=False).task.SAME:
        ours, theirs = facts.get(what, []), said.get(what, [])
        # torchvision's files have no names: there, the number must do.
        same = len(ours) == len(theirs) if name in PUBLISHED else ours == theirs
        if not same:
            raise ValueError(f"eval: {path} must know the {what} of the images, "
                             f"{', '.join(theirs) or 'none'}, got {', '.join(ours) or 'none'}")


def write_json(path: Path, contents: Any) -> None:
    text = json.dumps(contents, indent=2) + "\n"
    write_atomically(path, lambda file: file.write(text.encode()))

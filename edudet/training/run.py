"""`edudet train` and `edudet eval`: from a recipe's name to files. (`edudet detect`: detect.py.)"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edudet import check
from edudet.data.about import about
from edudet.data.digests import digests_of, shared_files
from edudet.data.files import write_atomically
from edudet.data.part import Part
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
from edudet.training.source import SCENES, Source


def recipe_of(name: str, to_train: bool = True) -> Recipe:
    """to_train: False where a model that comes trained will do, too."""
    known = RECIPES if to_train else RECIPES | PUBLISHED
    if name not in known:
        raise ValueError(f"MODEL must be one of {', '.join(known)}, got {name!r}")
    return known[name]


def train_model(
    name: str, out: Path, seed: int = 0, *, source: Source = SCENES,
    iterations: int | None = None, batch_size: int | None = None, workers: int = 0,
    device: str = "cpu", amp: bool | None = None, resume: bool = False,
) -> dict[str, Any] | None:
    """Train a model by its recipe into a folder: the files of `train`, metrics.json and model.pt.

    amp: mixed precision; None: as the recipe says, on a CPU that computes in bfloat16.

    Returns:
        What metrics.json holds; None in processes but the first. "measured_on" are the images of
        the source's split "test", in a few words; `Source.val` says which.

    Raises:
        ValueError: what is measured on has images that are trained on, or unknown classes.
    """
    recipe = recipe_of(name)
    place = own_device("train", device)
    steps = recipe.iterations if iterations is None else iterations
    batch_size = recipe.batch_size if batch_size is None else batch_size
    check.is_int("train", iterations=steps, batch_size=batch_size)
    check.positive("train", iterations=steps, batch_size=batch_size)
    if amp is None:
        amp = recipe.amp and place.type == "cpu" and computes_in_bfloat16()
    keep_freed_memory()
    dataset = source.open(recipe, "train", seed)
    check_gives("train", recipe.task, dataset, source.name(recipe))
    apart = _apart(name, source, dataset, seed)
    dataset = prepared(recipe, dataset)
    torch.manual_seed(seed)
    model = recipe.new_model(about(dataset))
    history = train(
        model, dataset, out=out, iterations=steps,
        batch_size=batch_size, learning_rate=recipe.learning_rate, seed=seed,
        workers=workers, device=device, amp=amp, resume=resume,
        about={"model": name, "source": source.name(recipe), **apart}, **recipe.training,
    )  # fmt: skip
    if not history:
        return None
    seconds, begin = history["seconds"][-1], time.perf_counter()
    if recipe.finish:
        recipe.finish(model, dataset)
        seconds += time.perf_counter() - begin
    facts = {
        "model": name, "source": source.name(recipe), "seed": seed, "iterations": steps,
        "batch_size": batch_size, "torch": str(torch.__version__),
    }  # fmt: skip
    save_weights(out / "model.pt", model, **facts, **about(dataset))
    load_weights(out / "model.pt", model)  # what is measured is what the file holds
    test = source.open(recipe, "test", seed)
    test = prepared(recipe, test if source.val is None else Renumbered(test, dataset.categories))
    numbers = evaluate(model, test, recipe.task, device=place, workers=workers, progress=True)
    metrics = {
        **numbers, "train_seconds": seconds, **facts, "measured_on": apart["measured_on"],
        "kind": recipe.task.NAME, "device": place.type, "amp": amp,
        "threads": torch.get_num_threads(), "loss": history["loss"][-1],
    }  # fmt: skip
    write_json(out / "metrics.json", metrics)
    return metrics


def _apart(name: str, source: Source, dataset: Any, seed: int) -> dict[str, Any]:
    """What is measured on, as a run to be resumed must share it: in words, and as digests. What is
    wrong with it is said now, and not when all is trained."""
    recipe = recipe_of(name)
    words = source.measured_on(recipe)
    if source.coco and source.val is None:
        return {"measured_on": words}
    test = source.open(recipe, "test", seed)
    shared = shared_files(test, dataset)
    if source.val is None:
        told = f", {len(shared)} of its {len(test)} images trained on" if shared else ""
        return {"measured_on": words + told}
    if shared:
        raise ValueError(f"train: val must have no image that is trained on, got {len(shared)} of "
                         f"{len(test)}, the first: {shared[0]}")  # fmt: skip
    _check_same("train", name, source.name(recipe), about(dataset), about(test))
    check_gives("train", recipe.task, test, words)
    # Of what is a part of the whole, the training part's digests tell all.
    digests = {} if isinstance(test, Part) else digests_of(test)
    return {"measured_on": words} | {f"{name} of val": one for name, one in digests.items()}


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
    name: str, weights: Path | None, *, source: Source = SCENES,
    workers: int = 0, device: str = "cpu", progress: bool = True,
) -> dict[str, Any]:
    """Measure a trained model on a source's test images."""
    recipe, place = recipe_of(name, to_train=False), own_device("eval", device)
    model, facts, path = load_trained(name, weights)
    dataset = source.open(recipe, "test")
    _check_same("eval", name, str(path), facts, about(dataset))
    check_gives("eval", recipe.task, dataset, source.name(recipe))
    dataset = prepared(recipe, Renumbered(dataset, facts["categories"]))
    numbers = evaluate(
        model, dataset, recipe.task, device=place, workers=workers, progress=progress
    )
    return {**numbers, "model": name, "source": source.name(recipe), "kind": recipe.task.NAME,
            "weights": str(path)}  # fmt: skip


def _check_same(
    function: str, name: str, knows: str, facts: Mapping[str, Any], said: Mapping[str, Any]
) -> None:
    """Whether a model knows all that images show, and calls joints and the like as they do.

    knows: what `facts` were read from.
    """
    if not set(said["categories"]) <= set(facts["categories"]):
        raise ValueError(f"{function}: {knows} must know the classes of the images, "
                         f"{', '.join(said['categories'])}, got {', '.join(facts['categories'])}")
    for what in recipe_of(name, to_train=False).task.SAME:
        ours, theirs = facts.get(what, []), said.get(what, [])
        # torchvision's files have no names: there, the number must do.
        same = len(ours) == len(theirs) if name in PUBLISHED else ours == theirs
        if not same:
            raise ValueError(f"{function}: {knows} must know the {what} of the images, "
                             f"{', '.join(theirs) or 'none'}, got {', '.join(ours) or 'none'}")


def write_json(path: Path, contents: Any) -> None:
    text = json.dumps(contents, indent=2) + "\n"
    write_atomically(path, lambda file: file.write(text.encode()))

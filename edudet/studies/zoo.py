"""`edudet zoo`: all models trained by their recipes with several seeds, and what is told of them.

A folder for each model and seed, as `edudet train` writes it; beside them

    zoo.csv, zoo.md        the numbers of all runs; a table, with the worst seed of each model
    curves.png             the loss of every run
    examples_<model>.png   scenes that the first seed's model has not seen, with what it finds

A zoo that was broken off goes on where it was.
"""

import json
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from edudet import check
from edudet.data.files import write_atomically
from edudet.studies.tables import markdown, write_csv, write_text
from edudet.tasks import About, Output, Task
from edudet.training import curves, run
from edudet.training.detect import detections
from edudet.training.recipes import RECIPES

EXAMPLES = 6
SPEED = ("train_seconds", "images_per_second")


def zoo(
    out: Path, names: Sequence[str] = (), seeds: Sequence[int] = (0, 1, 2),
    iterations: int | None = None, ship: Path | None = None,
) -> list[dict[str, Any]]:
    """Train and measure models; write tables, curves and examples.

    Args:
        out: the folder, made if need be.
        names: of `RECIPES`; none: all of them.
        seeds: each model is trained once with each.
        iterations: steps of each training; None: those of the recipe.
        ship: a folder that receives <model>.pt and <model>.json of the first seed, and a README.md
            with the table of all models there.

    Returns:
        What each run's metrics.json holds.

    Raises:
        ValueError: no such model; no seed, or one twice.
    """
    from edudet.draw.studies import zoo as pictures  # what is missing is said before work begins

    names = list(names or RECIPES)
    for name in names:
        run.Source().open(run.recipe_of(name), "test", length=1)
    check.is_int("zoo", **{f"seeds[{i}]": seed for i, seed in enumerate(seeds)})
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"zoo: seeds must be different, one at least, got {list(seeds)}")
    out.mkdir(parents=True, exist_ok=True)
    rows = [_trained(out, name, seed, iterations) for name in names for seed in seeds]
    write_csv(out / "zoo.csv", rows)
    write_text(out / "zoo.md", report(rows))
    losses = {
        name: [curves.read(_folder(out, name, seed) / "losses.csv") for seed in seeds]
        for name in names
    }
    _save(pictures.draw_losses(losses, seeds), out / "curves.png")
    for name in names:
        figure = examples(name, _folder(out, name, seeds[0]) / "model.pt")
        _save(figure, out / f"examples_{name}.png")
        if ship:
            publish(_folder(out, name, seeds[0]), name, ship)
    return rows


def _folder(out: Path, name: str, seed: int) -> Path:
    return out / f"{name}-seed{seed}"


def _trained(out: Path, name: str, seed: int, iterations: int | None) -> dict[str, Any]:
    folder = _folder(out, name, seed)
    steps = run.recipe_of(name).iterations if iterations is None else iterations
    path = folder / "metrics.json"
    if path.exists():
        before = json.loads(path.read_text())
        if before["iterations"] == steps:
            return before
    numbers = run.train_model(name, folder, seed, iterations=steps, resume=True)
    assert numbers is not None, "the zoo is one process"
    return numbers


def examples(name: str, weights: Path | None = None, count: int = EXAMPLES) -> Any:
    """A figure of the first test scenes with what a model finds on them; by default the one that
    comes with edudet."""
    from edudet.draw.studies.zoo import draw_examples

    model, facts, _ = run.load_trained(name, weights)
    recipe = run.recipe_of(name)
    images = run.prepared(recipe, run.Source().open(recipe, "test", length=count))
    found = detections(model, images, recipe.task.SCORE, task=recipe.task)
    return draw_examples(list(found), partial(_show, recipe.task, facts))


def _show(task: Task, facts: About, axes: Any, image: Tensor, output: Output) -> None:
    task.show(axes, image, output, facts)


def report(rows: Sequence[dict[str, Any]]) -> str:
    """Tables of all runs, one for models that are measured alike, and below them the worst seed of
    each model."""
    names = list(dict.fromkeys(row["model"] for row in rows))
    tables, worst = [], []
    for group in _measured_alike(names):
        columns = [*_columns(group), *SPEED]
        tables.append(markdown([
            {"model": row["model"], "seed": row["seed"], "measured": row["kind"],
             "measured on": measured_on(row)}
            | {key: row.get(key, "–") for key in columns}
            | {"threads": row["threads"], "bfloat16": "yes" if row.get("amp") else "no"}
            for row in rows if row["model"] in group
        ]) + "\n")  # fmt: skip
    for name in names:
        task = run.recipe_of(name).task
        mine = [row for row in rows if row["model"] == name]
        least = min(mine, key=lambda row: row[task.BEST])
        numbers = ", ".join(f"{key} {least[key]:.3f}" for key in task.SHOWN if key in least)
        worst.append(f"- {name}: {numbers} (seed {least['seed']})\n")
    counts = " or ".join(map(str, dict.fromkeys(row["images"] for row in rows)))
    return (
        f"# Every training\n\n{''.join(tables)}Measured on {counts} images that the "
        f"training has not seen; torch {rows[0]['torch']}.\n\nThe worst seed of each model:\n\n"
        f"{''.join(worst)}"
    )


def _measured_alike(names: Sequence[str]) -> list[list[str]]:
    """Models whose tasks have the same best number stand in one table."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(run.recipe_of(name).task.BEST, []).append(name)
    return list(groups.values())


def measured_on(numbers: dict[str, Any]) -> str:
    """Which images, as metrics.json says; the first ones of such files did not."""
    return numbers.get("measured_on") or f"test {numbers['source'].split()[0]}"


def _columns(names: Sequence[str]) -> list[str]:
    """The numbers that the tasks of these models show."""
    shown = (key for name in names for key in run.recipe_of(name).task.SHOWN)
    return list(dict.fromkeys(shown))


def publish(folder: Path, name: str, ship: Path) -> None:
    """Copy a run's weights and numbers into a folder, and write its README.md anew."""
    ship.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / "model.pt", ship / f"{name}.pt")
    shutil.copyfile(folder / "metrics.json", ship / f"{name}.json")
    write_text(ship / "README.md", shipped(ship))


def shipped(folder: Path) -> str:
    """What a folder of weights says about itself."""
    there = [name for name in RECIPES if (folder / f"{name}.json").exists()]
    groups = _measured_alike(there)
    return "\n".join([WEIGHTS, *(markdown(_of_weights(folder, names)) for names in groups)])


def _of_weights(folder: Path, names: Sequence[str]) -> list[dict[str, Any]]:
    rows = []
    for name in names:
        numbers = json.loads((folder / f"{name}.json").read_text())
        rows.append({
            "file": f"`{name}.pt`",
            "made by": f"`edudet train {name} --seed {numbers['seed']} --out DIR`",
            "training": f"{numbers['iterations']} steps, {numbers['train_seconds']:.0f} s, "
                        f"threads: {numbers['threads']}{', bfloat16' * numbers.get('amp', False)}",
            "measured": numbers["kind"], "measured on": measured_on(numbers),
            **{key: numbers.get(key, "–") for key in _columns(names)},
        })  # fmt: skip
    return rows


WEIGHTS = """# Weights that come with edudet

Trained from nothing on generated scenes (`digit_net`: on scans of handwritten digits), measured on
500 images that the training has not seen, on a CPU of two cores; kept as float16. The figures, all
of them in the `.json` beside each file, are of what the file holds. `edudet zoo --seeds 0 --ship
weights/edudet_weights` makes all of them anew. Where one thread is told, the machine may have had
other work meanwhile.
"""


def _save(figure: Any, path: Path) -> None:
    write_atomically(path, lambda file: figure.savefig(file, format="png"))

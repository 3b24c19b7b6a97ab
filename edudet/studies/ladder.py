"""The speed ladder: from the sliding window's months to Faster R-CNN's fifth of a second.

All rungs in one run, on the same pictures, by turns, so that a machine which slows down meanwhile
slows all of them: seconds for each image, where they go, and the average precision.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from edudet import check
from edudet.data import Scenes
from edudet.data.files import write_atomically
from edudet.data.proposals import SelectiveSearch
from edudet.progress import track
from edudet.proposals import window_count
from edudet.studies import rungs
from edudet.studies.ladder_report import Rung, report
from edudet.studies.rungs import LEVEL, MODELS, MOST, NUM_SHAPES, STAGES
from edudet.studies.tables import write_csv, write_text
from edudet.training.evaluate import evaluate
from edudet.training.shipped import SHIPPED


def ladder(
    out: Path, images: int = 20, size: int = 256, scenes: int = 100, weights: Path | None = None,
    *, windows: int = 100, repeats: int = 3,
) -> list[Rung]:
    """Measure all rungs; write ladder.csv, ladder.md and ladder.png into a folder.

    Args:
        out: the folder, made if need be.
        images: how many test scenes the time is measured on.
        size: their height and width in pixels. The models were trained on 128: larger ones have
            more places to look at, as photos do, and no larger objects.
        scenes: how many test scenes of 128 x 128 the precision is measured on; 500 are all.
        weights: a folder with <model>.pt; None: those that come with edudet. A model whose
            weights are missing is measured all the same, but its precision.
        windows: of each image, in the sample of the sliding window.
        repeats: times that each image is given to each model; the median counts.

    Raises:
        ValueError: a number is not positive; `weights` is no folder with weights, or wrong ones.
    """
    from edudet.draw.studies.ladder import draw_ladder  # what is missing is said before work begins

    counts = {"images": images, "size": size, "scenes": scenes, "windows": windows}
    check.is_int("ladder", **counts, repeats=repeats)
    check.positive("ladder", **counts, repeats=repeats)
    models, trained = rungs.open_rungs(_folder(weights))
    pictures = Scenes(LEVEL, "test", length=images, size=(size, size))
    found = measure_speed(
        models, trained, [pictures[i][0] for i in range(images)], windows, repeats
    )
    for rung in found:
        if rung.name in trained:
            rung.metrics.update(measure_precision(models[rung.name], scenes))
    out.mkdir(parents=True, exist_ok=True)
    rows = [rung.row() for rung in found]
    write_csv(out / "ladder.csv", rows)
    write_text(out / "ladder.md", report(found, counts, repeats))
    where = f"{size} × {size} pixels, threads: {torch.get_num_threads()}"
    figure = draw_ladder(rows, STAGES, where)
    write_atomically(out / "ladder.png", lambda file: figure.savefig(file, format="png"))
    return found


def _folder(weights: Path | None) -> Path:
    if weights and not any((weights / f"{name}.pt").exists() for name in MODELS):
        names = ", ".join(f"{name}.pt" for name in MODELS)
        raise ValueError(f"ladder: weights must be a folder with some of {names}, got {weights}")
    return weights or SHIPPED


def measure_speed(
    models: dict[str, nn.Module], trained: set[str], images: Sequence[Tensor], windows: int,
    repeats: int, clock: Callable[[], float] = time.perf_counter,
) -> list[Rung]:
    """Give every image (3, H, W), all of one size, to every model, one after the other."""
    size = (images[0].shape[-2], images[0].shape[-1])
    runs: dict[str, list] = {name: [] for name in ("window", *models)}
    with rungs.proposing(models, SelectiveSearch(most=MOST)):
        for number, image in enumerate(track(images, "measuring", stays=False)):
            sample = rungs.sample_windows(size, windows, number)
            for name in runs:
                once = partial(
                    rungs.time_once, models.get(name, models["rcnn"]), image,
                    sample if name == "window" else None, clock,
                )
                if number == 0:
                    once()  # the first call is slower: memory, caches, threads
                again = [once() for _ in range(repeats)]
                runs[name].append(rungs.middle(again))
    found = _sliding(*rungs.mean(runs.pop("window")), size, windows * len(images), trained)
    for name, each in runs.items():
        seconds, regions = rungs.mean(each)
        found.append(Rung(name, regions, seconds, name in trained))
    return found


def _sliding(
    seconds: rungs.Seconds, sampled: float, size: tuple[int, int], total: int, trained: set[str]
) -> list[Rung]:
    """Both ways to slide a window, from the seconds of so many windows of an image."""
    counts = {"all": window_count(size), "shapes": size[0] * size[1] * NUM_SHAPES}
    return [
        Rung(name, count, rungs.extrapolated(seconds, sampled, count), "rcnn" in trained, total)
        for name, count in counts.items()
    ]


def measure_precision(model: nn.Module, scenes: int) -> dict[str, float]:
    """On scenes of the size that the model was trained for, with proposals made for it."""
    with rungs.proposing({"it": model}, SelectiveSearch()):
        return evaluate(model, Scenes(LEVEL, "test", length=scenes), progress=True)

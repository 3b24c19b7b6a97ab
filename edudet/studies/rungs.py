"""The rungs of the ladder: the same small network, ever less work for each region.

    rcnn          proposals from outside; the network sees each of them, cut out and warped
    sppnet        it sees the image once; regions are pooled from its map
    fast_rcnn     so, too; learnt as one, without SVMs
    faster_rcnn   it makes the proposals itself

Below them all the sliding window: R-CNN's network on every rectangle of the image. That takes days,
so it sees a sample, drawn from all rectangles with equal chances, and the rest is multiplied.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from edudet import check
from edudet.data.levels import LEVELS
from edudet.data.proposals import SelectiveSearch
from edudet.models.small import fast_rcnn_small, faster_rcnn_small, rcnn_small, spp_net_small
from edudet.nn.small import SmallNet
from edudet.studies.stopwatch import Stopwatch
from edudet.training.checkpoint import load_weights

LEVEL = "default"
MODELS: dict[str, Callable[[int], nn.Module]] = {
    "rcnn": rcnn_small, "sppnet": spp_net_small, "fast_rcnn": fast_rcnn_small,
    "faster_rcnn": faster_rcnn_small,
}  # fmt: skip
STAGES = ("proposals", "features", "heads", "NMS", "other")
PARTS = {
    "propose": "proposals", "rpn": "proposals",
    "backbone": "features", "box_branch.pool": "features", "box_branch.body": "features",
    "box_branch.head": "heads", "box_branch.predictor": "heads", "box_branch.svms": "heads",
    "box_branch.regressors": "heads",
    "box_branch.detections": "NMS",  # with the decoding of boxes, before it
}  # fmt: skip
MOST = 2000  # proposals, as in the decks
NUM_SHAPES = 30  # 3 aspect ratios, 10 scales
Seconds = dict[str, float]


def open_rungs(folder: Path) -> tuple[dict[str, nn.Module], set[str]]:
    """All models in evaluation mode, and the names of those whose weights, <name>.pt, are there.

    The others have random weights, and in them the `SmallNet` of a trained one, if there is any.

    Raises:
        ValueError: a file holds weights of another model, or for other classes.
    """
    categories, trained = list(LEVELS[LEVEL].categories), set()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        models = {name: build(len(categories) + 1) for name, build in MODELS.items()}
    for name, model in models.items():
        path = folder / f"{name}.pt"
        if not path.exists():
            continue
        facts = load_weights(path, model)
        for key, wanted in (("model", name), ("categories", categories)):
            if facts.get(key) != wanted:
                raise ValueError(f"ladder: {path} must have {key} {wanted}, got {facts.get(key)}")
        trained.add(name)
    donor = next(model for name, model in models.items() if not trained or name in trained)
    for name, model in models.items():
        if name not in trained:
            small_net(model).load_state_dict(small_net(donor).state_dict())
            if hasattr(model.box_branch, "svms"):  # that they know nothing takes no time
                model.box_branch.svms.trained.fill_(True)  # type: ignore
        model.eval()
    return models, trained


def small_net(model: nn.Module) -> SmallNet:
    """The part that all rungs have."""
    return next(module for module in model.modules() if isinstance(module, SmallNet))


@contextmanager
def proposing(models: Mapping[str, nn.Module], search: SelectiveSearch) -> Iterator[None]:
    """Within, models that take proposals from outside take those of this search."""
    before = {name: model.propose for name, model in models.items() if hasattr(model, "propose")}
    try:
        for name in before:
            models[name].propose = search  # type: ignore
        yield
    finally:
        for name, propose in before.items():
            models[name].propose = propose  # type: ignore


@torch.inference_mode()
def time_once(
    model: nn.Module, image: Tensor, windows: Tensor | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[Seconds, int]:
    """Seconds by stage for an image (3, H, W), and how many regions its heads judged.

    windows: (R, 4) boxes in place of proposals.
    """
    watch, keep = Stopwatch(clock), dict[str, Any]()
    targets = None if windows is None else [{"proposals": windows}]
    with watch.watching(model, PARTS), watch.stage("other"):
        model([image], targets, keep)
    (regions,) = keep["proposals" if "proposals" in keep else "rois"]
    return {stage: watch.seconds.get(stage, 0.0) for stage in STAGES}, len(regions)


def middle(runs: Sequence[tuple[Seconds, int]]) -> tuple[Seconds, int]:
    """The run of median time as a whole: its stages add up, medians of stages would not."""
    return sorted(runs, key=lambda run: sum(run[0].values()))[len(runs) // 2]


def mean(runs: Sequence[tuple[Seconds, int]]) -> tuple[Seconds, float]:
    """Of all images."""
    seconds = {stage: sum(run[0][stage] for run in runs) / len(runs) for stage in STAGES}
    return seconds, sum(run[1] for run in runs) / len(runs)


def sample_windows(size: int | tuple[int, int], count: int, seed: int = 0) -> Tensor:
    """Draw rectangles with whole corners from all that lie in an image of `size` (height, width).

    Returns:
        (count, 4) float32, xyxy. Each of the `window_count(size)` has the same chance.
    """
    check.size("sample_windows", size=size)
    generator = torch.Generator().manual_seed(seed)
    sides = []
    for length in check.pair(size):  # two different ones of the length + 1 borders between pixels
        first = torch.randint(length + 1, (count,), generator=generator)
        second = torch.randint(length, (count,), generator=generator)
        second = second + (second >= first)
        sides.append(torch.stack([first, second]).sort(0).values)         # (2, count)
    (y1, y2), (x1, x2) = sides
    return torch.stack([x1, y1, x2, y2], 1).float()


def extrapolated(seconds: Seconds, num_windows: float, num_all: int) -> Seconds:
    """From features and heads of a sample to those of all windows; nothing else is counted: what
    NMS would take of so many boxes grows faster than their number."""
    return {
        stage: seconds[stage] / num_windows * num_all if stage in ("features", "heads") else 0.0
        for stage in STAGES
    }

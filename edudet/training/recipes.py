"""What `edudet train MODEL` means: for each model its data, its numbers, and what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.utils.data import Subset

from edudet.data.digits import Digits
from edudet.data.proposals import WithProposals
from edudet.models.small import (
    cascade_rcnn_small,
    digit_net,
    fast_rcnn_small,
    faster_rcnn_small,
    fcn_small,
    keypoint_rcnn_small,
    mask_rcnn_small,
    rcnn_small,
    rfcn_small,
    spp_net_small,
)
from edudet.tasks import Task, classification, detection, semantic


@dataclass(frozen=True)
class Recipe:
    """The defaults of one model.

    Args:
        model: makes the model, of as many classes, joints, ... as the dataset has: it is called
            with `task.model_arguments` of what the dataset says about itself.
        level: of the generated scenes it is trained and measured on.
        task: what it is asked for, and so what is measured; see `edudet.tasks`.
        iterations, batch_size, learning_rate: see `edudet.training.train`.
        training: further arguments of `train`, by name.
        prepare: wraps a dataset so that its targets have what the model needs besides, such as
            `proposals`. Targets of new images are empty.
        finish: what is to be done with the trained model and the training images, such as fitting
            the SVMs of R-CNN; afterwards the model's state_dict holds all of it.
        length: how many generated scenes it is trained on; None: all.
        amp: in mixed precision, on a CPU that computes in bfloat16.
        data: (split, length) -> the dataset that it is trained and measured on, where these are no
            scenes; `level` is then "".
    """

    model: Callable[..., nn.Module]
    level: str
    task: Task
    iterations: int
    batch_size: int
    learning_rate: float
    training: dict[str, Any]
    prepare: Callable[[Any], Any] | None = None
    finish: Callable[[nn.Module, Any], None] | None = None
    length: int | None = None
    amp: bool = False
    data: Callable[[str, int | None], Any] | None = None

    def new_model(self, about: Mapping[str, Any]) -> nn.Module:
        """The model for a dataset that says this about itself."""
        return self.model(**self.task.model_arguments(about))


# AdamW and a cosine: a detector of two million weights learns in minutes what SGD needs hours for.
SMALL = {"optimizer": "adamw", "warmup": 50, "clip": 10.0}
# Where proposals come from outside, fewer scenes are seen more often: selective search takes longer
# than a step of training.
FEW = 4000
FITTED = 1000  # scenes whose features are kept for SVMs and regressors: some 200 MB


def fit_heads(model: Any, dataset: Any) -> None:
    """The last steps of R-CNN and SPP-net."""
    model.finish(Subset(dataset, range(min(len(dataset), FITTED))))


def _recipe(
    model: Callable[..., nn.Module], task: Task = detection.BOX, level: str = "default",
    **others: Any,
) -> Recipe:
    numbers = {"iterations": 1500, "batch_size": 8, "learning_rate": 2e-3, "training": SMALL}
    return Recipe(model, level, task, **(numbers | others))  # type: ignore[arg-type]


PROPOSED: dict[str, Any] = {"prepare": WithProposals, "length": FEW}
RECIPES: dict[str, Recipe] = {
    "rcnn": _recipe(rcnn_small, finish=fit_heads, **PROPOSED),
    "sppnet": _recipe(spp_net_small, finish=fit_heads, iterations=1000, **PROPOSED),
    "fast_rcnn": _recipe(fast_rcnn_small, **PROPOSED),
    "faster_rcnn": _recipe(faster_rcnn_small, iterations=2000, learning_rate=1e-3),
    "rfcn": _recipe(rfcn_small, iterations=1000),
    "cascade_rcnn": _recipe(cascade_rcnn_small),
    "mask_rcnn": _recipe(mask_rcnn_small, detection.MASK, iterations=1600),
    "keypoint_rcnn": _recipe(
        keypoint_rcnn_small, detection.KEYPOINTS, "people", iterations=3500, amp=True
    ),
    "fcn": _recipe(fcn_small, semantic, iterations=4000),
    "digit_net": _recipe(
        digit_net, classification, "", iterations=300, batch_size=64, data=Digits
    ),
}

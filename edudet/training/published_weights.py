"""Weights in torchvision's format for `edudet detect` and `edudet eval`; see models/published.

Such a file holds numbers and no names. Of 91 classes and of 17 joints the names are COCO's; others
are called by their numbers.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from edudet.data.coco_names import CATEGORIES, JOINTS, SKELETON
from edudet.models.published.two_stage import (
    check_state_dict,
    fasterrcnn_resnet50_fpn,
    keypointrcnn_resnet50_fpn,
    maskrcnn_resnet50_fpn,
)
from edudet.tasks import Task, detection
from edudet.training.recipes import Recipe

CLASSES = "roi_heads.box_predictor.cls_score.bias"
KEYPOINTS = "roi_heads.keypoint_predictor.kps_score_lowres.bias"


def _trained(model: Any, task: Task) -> Recipe:
    """No command trains these: what a training would need is left empty."""
    return Recipe(model, "default", task, 0, 0, 0.0, {})


PUBLISHED = {
    "fasterrcnn_resnet50_fpn": _trained(fasterrcnn_resnet50_fpn, detection.BOX),
    "maskrcnn_resnet50_fpn": _trained(maskrcnn_resnet50_fpn, detection.MASK),
    "keypointrcnn_resnet50_fpn": _trained(keypointrcnn_resnet50_fpn, detection.KEYPOINTS),
}


def read_published(name: str, path: Path) -> tuple[nn.Module, dict[str, Any]]:
    """Return the model of a file, in eval mode, and what its numbers mean: "categories", and of
    people "joints" and "skeleton".

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds something else than this model's state dict.
    """
    state = _state_dict(path)
    if CLASSES not in state:
        raise ValueError(f"{path} must hold torchvision's {name}, lacks {CLASSES}")
    recipe, count = PUBLISHED[name], len(state[CLASSES]) - 1
    facts: dict[str, Any] = {"model": name}
    people = "joints" in recipe.task.SAME
    if people:
        joints = len(state[KEYPOINTS]) if KEYPOINTS in state else len(JOINTS)
        known = joints == len(JOINTS)
        facts["joints"] = list(JOINTS) if known else [f"joint {k}" for k in range(joints)]
        facts["skeleton"] = [list(pair) for pair in SKELETON] if known else []
    if count == len(CATEGORIES):
        facts["categories"] = list(CATEGORIES)
    elif count == 1:
        facts["categories"] = ["person"] if people else ["object"]
    else:
        facts["categories"] = [f"class {label}" for label in range(1, count + 1)]
    try:
        model = recipe.model(weights=state, **recipe.task.model_arguments(facts))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return model.eval(), facts


def _state_dict(path: Path) -> Mapping[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # a file that somebody fetched may be anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"{path} must be a whole file with a state dict and nothing else: {reason}"
        ) from None
    try:
        check_state_dict("load_torchvision_state_dict", state)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} must hold a state dict and nothing else: {error}") from None
    return state

"""The exercises in the order of the course, and how they are found."""

import difflib
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

from edudet.course.exercise import Exercise

FOLDER = Path(__file__).parents[1] / "exercises"

UNITS = {
    "Boxes and windows": [
        "box_iou", "box_iou_cpp", "box_iou_cuda", "nms", "nms_cpp", "nms_cuda", "soft_nms",
        "matrix_nms", "template_matching", "sliding_window",
    ],
    "Counting what was found": [
        "confusion", "precision_recall", "match_detections", "average_precision", "voc", "rle",
        "coco_metrics",
    ],
    "Proposals": ["felzenszwalb", "region_similarity", "merge_regions", "selective_search",
                  "proposal_recall"],
    "Regions on a feature map": [
        "deltas", "roi_pool", "ps_roi_pool", "roi_align", "roi_align_cpp", "roi_align_cuda",
        "roi_align_backward_cuda", "anchors", "matching", "sampling", "masked_targets",
        "rpn_targets", "roi_targets", "mask_targets", "keypoint_targets",
        "alternating_schedule",
    ],
    "Corners and centres": ["heatmaps", "corner_pool", "corner_targets", "center_targets"],
    "Dense prediction": ["unpool", "max_pool", "conv_matrix", "conv_transpose", "segmentation",
                         "panoptic"],
    "Warping and pose": ["affine_grid", "sampling_weights", "grid_sample", "soft_argmax", "pose",
                         "oks"],
}  # fmt: skip


def ids() -> list[str]:
    """All exercises, in the order of the course."""
    return [name for unit in UNITS.values() for name in unit]


def load(name: str, folder: Path = FOLDER) -> Exercise:
    """The exercise `name` from a folder of exercises: the library's, or a bundle's.

    Raises ValueError, which names the nearest one, if there is no such exercise.
    """
    if name not in ids():
        near = difflib.get_close_matches(name, ids(), 1)
        question = f"; did you mean {near[0]}?" if near else ";"
        raise ValueError(f"exercise: no exercise is called {name!r}{question} "
                         "`edudet exercise list` shows them all")  # fmt: skip
    module_name = f"edudet_exercise_{name}_{abs(hash(str(folder.resolve())))}"
    if module_name not in sys.modules:
        spec = importlib.util.spec_from_file_location(module_name, folder / name / "exercise.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        spec.loader.exec_module(module)
    exercise: Exercise = sys.modules[module_name].EXERCISE
    return replace(exercise, id=name, folder=folder / name)


def given(exercise: Exercise) -> dict[str, str]:
    """Source of the functions that an exercise builds on: right solutions of earlier ones."""
    return {
        name: load(name, exercise.folder.parent).alternatives["vectorized"]
        for name, _ in exercise.given_functions
    }

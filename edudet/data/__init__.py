"""Data sets: generated scenes, of which everything is known; folders in VOC's and COCO's layout;
handwritten digits."""

from edudet.data.augment import (
    Augmented,
    ColourJitter,
    Compose,
    RandomCrop,
    RandomFlip,
    RandomScale,
)
from edudet.data.coco import CocoFolder
from edudet.data.coco_results import detections_to_coco
from edudet.data.coco_truth import to_coco, write_coco
from edudet.data.collate import collate
from edudet.data.digits import Digits
from edudet.data.levels import LEVELS, Level
from edudet.data.scene import Scene
from edudet.data.scenes import Scenes
from edudet.data.voc import VocFolder

__all__ = [
    "LEVELS",
    "Augmented",
    "CocoFolder",
    "ColourJitter",
    "Compose",
    "Digits",
    "Level",
    "RandomCrop",
    "RandomFlip",
    "RandomScale",
    "Scene",
    "Scenes",
    "VocFolder",
    "collate",
    "detections_to_coco",
    "to_coco",
    "write_coco",
]

"""What a dataset says about itself, beside its images and targets. Nothing of it is obligatory.

    categories      the names of labels 1, 2, ...
    stuff           the names of the labels after these in semantic and panoptic maps; 0 is
                    background, which needs no name
    category_ids    the ids that categories have in a file
    joints          the names of a person's joints, in order
    skeleton        pairs of joints that a bone connects
    flip_pairs      pairs of joints that change places in a mirror
    size            (height, width) of all images
"""

import json
from collections.abc import Sequence
from typing import Any

ABOUT = ("categories", "stuff", "category_ids", "joints", "skeleton", "flip_pairs", "size")


def about(dataset: Any) -> dict[str, Any]:
    """All that a dataset says about itself, as plain lists."""
    said = {name: getattr(dataset, name) for name in ABOUT if hasattr(dataset, name)}
    return {name: json.loads(json.dumps(value)) for name, value in said.items()}


def say_the_same(wrapper: Any, dataset: Any, but: Sequence[str] = ()) -> None:
    """Let a dataset that is made of another one say what that one says, but for some of it."""
    for name in ABOUT:
        if name not in but and hasattr(dataset, name):
            setattr(wrapper, name, getattr(dataset, name))

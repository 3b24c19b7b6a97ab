"""What a model can be asked for: a file for each task, and in each the same few names.

    NAME                 what metrics.json calls it: its "kind"
    NEEDS                what each target of a dataset must have
    SAME                 what model and dataset must say about themselves in the same words
    BEST                 the number that says "better": the larger, the better
    SHOWN                the numbers that a table shows
    SCORE                how sure a model must be of what `edudet detect` shows, if nobody says
    model_arguments()    how many classes, joints, ... a model must have for a dataset
    collect()            takes in image, target and answer, one after the other; gives the numbers
    surer()              of an answer, what is at least so sure
    told()               an answer in a few words
    records()            answers as the contents of a file
    show(), picture()    an answer on its image: in given axes, and as a figure of its own

Training, evaluation, studies and the command line know these names, and no task. `about` is what a
dataset says about itself (`edudet.data.about`), and so what the weights of a model say.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

About = Mapping[str, Any]
Output = Mapping[str, Any]


class Collected(Protocol):
    """The answers on a dataset, so far."""

    def add(self, image: Tensor, target: Mapping[str, Any], output: Output) -> None: ...

    def numbers(self, progress: bool = False) -> dict[str, float]: ...


class Task(Protocol):
    """What each module here has (and each of the three of `edudet.tasks.detection`)."""

    @property
    def NAME(self) -> str: ...
    @property
    def NEEDS(self) -> tuple[str, ...]: ...
    @property
    def SAME(self) -> tuple[str, ...]: ...
    @property
    def BEST(self) -> str: ...
    @property
    def SHOWN(self) -> tuple[str, ...]: ...
    @property
    def SCORE(self) -> float: ...

    def model_arguments(self, about: About) -> dict[str, Any]: ...

    def collect(self, dataset: Any) -> Collected: ...

    def surer(self, output: Output, score: float) -> dict[str, Any]: ...

    def told(self, output: Output, about: About) -> str: ...

    def records(
        self, paths: Sequence[Path], sizes: Sequence[tuple[int, int]], outputs: Sequence[Output],
        about: About,
    ) -> dict[str, Any]: ...

    def show(self, axes: Any, image: Tensor, output: Output, about: About) -> None: ...

    def picture(self, image: Tensor, output: Output, about: About) -> Any: ...


def check_gives(function: str, task: Task, dataset: Any, name: str) -> None:
    """Raise ValueError if targets of a dataset lack what a task needs; `name`: of the dataset."""
    if len(dataset) == 0:
        return
    _, target = dataset[0]
    missing = [key for key in task.NEEDS if key not in target]
    if missing:
        raise ValueError(
            f"{function}: targets must have {', '.join(map(repr, missing))} for the task "
            f"'{task.NAME}', got {', '.join(map(str, target))} in {name}"
        )


def files_and_categories(
    paths: Sequence[Path], sizes: Sequence[tuple[int, int]], names: Sequence[str]
) -> dict[str, Any]:
    """What all files of records begin with: images with ids from 1, categories with ids from 1."""
    return {
        "images": [
            {"id": i, "file_name": name, "height": size[0], "width": size[1]}
            for i, (name, size) in enumerate(zip(names_of(paths), sizes, strict=True), 1)
        ],
        "categories": [{"id": i, "name": name} for i, name in enumerate(names, 1)],
    }


def names_of(paths: Sequence[Path]) -> list[str]:
    """The paths from the innermost folder on that holds all of them: `CocoFolder` begins there, and
    where images lie on one machine is nothing to another."""
    whole = [Path(os.path.abspath(path)) for path in paths]
    start = os.path.commonpath([path.parent for path in whole]) if whole else ""
    return [path.relative_to(start).as_posix() for path in whole]

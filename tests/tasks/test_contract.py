"""Every task has the same names, and nobody else asks which task it is."""

import importlib
import re
from pathlib import Path

import pytest

import edudet
from edudet.tasks import Task, check_gives, detection

ROOT = Path(edudet.__file__).parent
MODULES = sorted(path.stem for path in (ROOT / "tasks").glob("*.py") if path.stem != "__init__")
ALL = [
    detection.BOX, detection.MASK, detection.KEYPOINTS,
    *(importlib.import_module(f"edudet.tasks.{stem}") for stem in MODULES if stem != "detection"),
]  # fmt: skip


def test_all_are_here():
    assert set(MODULES) >= {"classification", "detection", "panoptic", "pose", "semantic"}
    names = [task.NAME for task in ALL]
    assert len(set(names)) == len(names) == len(MODULES) + 2


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.NAME)
def test_a_task_has_every_name(task):
    wanted = [name for name in vars(Task) if not name.startswith("_")]
    assert len(wanted) == 13 and not [name for name in wanted if not hasattr(task, name)]
    assert isinstance(task.NAME, str) and task.BEST in task.SHOWN and 0 <= task.SCORE <= 1
    assert isinstance(task.NEEDS, tuple) and isinstance(task.SAME, tuple)


@pytest.mark.parametrize("stem", MODULES)
def test_a_task_is_one_file_and_one_test(stem):
    assert (Path(__file__).parent / f"test_{stem}.py").exists()


def test_no_task_is_told_by_its_name_elsewhere():
    names = "|".join(task.NAME for task in ALL)
    asked = re.compile(rf"""kind\s*(==|!=|in|not in)\b|(==|!=|in)\s*["']({names})["']""")
    files = [ROOT / "cli.py", *(ROOT / "cli").rglob("*.py")]
    for room in ("training", "studies"):
        files += (ROOT / room).rglob("*.py")
    files = [path for path in files if path.exists()]
    guilty = [path.name for path in files if asked.search(path.read_text())]
    assert len(files) > 20 and not guilty


class Boxes:
    """A dataset of one target without masks."""

    def __init__(self, length=1):
        self.length = length

    def __len__(self):
        return self.length

    def __getitem__(self, i):
        return None, {"boxes": [], "labels": [], "image_id": 1}


def test_a_dataset_gives_what_a_task_needs():
    check_gives("train", detection.BOX, Boxes(), "mine")
    message = "train: targets must have 'masks' for the task 'mask', got boxes, labels, image_id in"
    with pytest.raises(ValueError, match=message):
        check_gives("train", detection.MASK, Boxes(), "mine")
    check_gives("train", detection.MASK, Boxes(0), "nothing to look at")

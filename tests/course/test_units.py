import shutil

import pytest

from edudet.course import units


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nsm", "no exercise is called 'nsm'; did you mean nms? `edudet exercise list` shows"),
        ("zebra", "no exercise is called 'zebra'; `edudet exercise list` shows them all"),
        ("../exercises/nms", "no exercise is called '../exercises/nms'; `edudet"),
    ],
)
def test_an_unknown_exercise_is_told(name, message):
    with pytest.raises(ValueError, match="exercise: no exercise") as error:
        units.load(name)
    assert message in str(error.value)


def test_an_exercise_of_a_bundle_is_its_own(tmp_path):
    """The sealed copy is loaded, not the library's file of the same name."""
    shutil.copytree(units.FOLDER / "box_iou", tmp_path / "box_iou")
    file = tmp_path / "box_iou" / "exercise.py"
    file.write_text(file.read_text() + "\nEXERCISE = replace(EXERCISE, title='sealed')\n")
    file.write_text("from dataclasses import replace\n" + file.read_text().split('"""', 2)[2])
    sealed, own = units.load("box_iou", tmp_path), units.load("box_iou")
    assert sealed.title == "sealed" != own.title
    assert (sealed.id, sealed.folder) == ("box_iou", tmp_path / "box_iou")
    assert own.folder == units.FOLDER / "box_iou"


def test_what_an_exercise_builds_on_is_given_as_source():
    assert units.load("nms").given_functions == [("box_iou", "box_iou")]
    given = units.given(units.load("nms"))
    assert list(given) == ["box_iou"] and "def box_iou(" in given["box_iou"]
    assert units.given(units.load("box_iou")) == {}

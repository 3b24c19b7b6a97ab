"""What a student does: list, start, check, hint, reset, submit."""

import json
import zipfile

import pytest
from click.testing import CliRunner
from PIL import Image

from edudet import student
from edudet.cli import main
from edudet.course import units
from edudet.student import loop

RIGHT = units.load("nms").alternatives["loops"]
WRONG = RIGHT.replace("<= iou_threshold", "< iou_threshold")


def command(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def test_list_shows_every_exercise():
    shown = command("exercise", "list")
    assert shown.exit_code == 0
    assert all(name in shown.output for name in units.ids())


def test_start_never_overwrites(tmp_path):
    done = command("exercise", "start", "nms", "--folder", tmp_path)
    assert done.exit_code == 0 and (tmp_path / "nms.md").exists()
    assert "nms.png" in (tmp_path / "nms.md").read_text()
    assert min(Image.open(tmp_path / "nms.png").size) > 200
    stub = (tmp_path / "nms.py").read_text()
    assert "raise NotImplementedError" in stub and '"""Return the indices' in stub
    (tmp_path / "nms.py").write_text("# mine")
    again = command("exercise", "start", "nms", "--folder", tmp_path)
    assert "is there already and stays" in again.output
    assert (tmp_path / "nms.py").read_text() == "# mine"


def test_reset_keeps_a_copy(tmp_path):
    (tmp_path / "nms.py").write_text("# mine")
    done = command("exercise", "reset", "nms", "--folder", tmp_path)
    assert "nms.py.1.bak: a copy" in done.output.replace("\n", "")
    assert (tmp_path / "nms.py.1.bak").read_text() == "# mine"
    assert (tmp_path / "nms.py").read_text() == units.load("nms").stub
    (tmp_path / "nms.py").write_text("# mine again")
    loop.reset("nms", tmp_path)
    assert (tmp_path / "nms.py.2.bak").read_text() == "# mine again"


def test_check_and_hint(tmp_path):
    (tmp_path / "nms.py").write_text(RIGHT)
    right = command("exercise", "check", "nms", "--folder", tmp_path, "--plot")
    assert right.exit_code == 0 and "7 of 7 points" in right.output
    assert "no difference to draw" in right.output
    (tmp_path / "nms.py").write_text(WRONG)
    wrong = command("exercise", "check", "nms", "--folder", tmp_path, "--plot")
    assert wrong.exit_code == 1 and "6 of 7 points" in wrong.output
    assert "drops at IoU >= threshold" in " ".join(wrong.output.split())
    assert min(Image.open(tmp_path / "nms_check.png").size) > 200
    hint = command("exercise", "hint", "nms", "--folder", tmp_path)
    assert "drops at IoU >= threshold" in hint.output


def test_check_in_a_notebook(tmp_path):
    (tmp_path / "nms.py").write_text(WRONG + "\n# <script>")
    page = student.check("nms", tmp_path)._repr_html_()
    assert "<table>" in page and "known mistake" in page and "6 of 7" in page
    (tmp_path / "nms.py").write_text("raise ValueError('<script>')")
    assert "<script>" not in student.check("nms", tmp_path)._repr_html_()


def test_hint_without_a_known_mistake(tmp_path):
    (tmp_path / "nms.py").write_text("def nms(b, s, t):\n    return [7]")
    hint = command("exercise", "hint", "nms", "--folder", tmp_path)
    assert "none of the known mistakes" in hint.output and "one object or two" in hint.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("exercise", "start", "nsm"), "no exercise is called 'nsm'; did you mean nms?"),
        (("exercise", "check", "nms"), "must exist; `edudet exercise start nms`"),
        (("submit", "nms"), "missing: nms.py"),
    ],
)
def test_mistakes_of_the_user_are_told(tmp_path, words, message):
    done = command(*words, "--folder", tmp_path)
    assert done.exit_code == 1 and message in " ".join(done.output.split())
    assert "Traceback" not in done.output


def test_submit(tmp_path):
    (tmp_path / "nms.py").write_text(RIGHT)
    loop.start("box_iou", tmp_path)
    out = tmp_path / "alice.zip"
    done = command("submit", "nms", "box_iou", "--folder", tmp_path, "--out", out)
    assert done.exit_code == 0 and "still as at the start: box_iou" in done.output
    with zipfile.ZipFile(out) as archive:
        assert sorted(archive.namelist()) == ["box_iou.py", "manifest.json", "nms.py"]
        manifest = json.loads(archive.read("manifest.json"))
        assert manifest["schema"] == "edudet.submission/1"
        assert set(manifest["files"]) == {"nms.py", "box_iou.py"} and manifest["versions"]["torch"]
    without = command("submit", "--folder", tmp_path)
    assert without.exit_code == 1 and "must hold all files" in without.output


def test_lines_are_counted_without_docstrings_and_comments():
    source = '"""One.\n\nTwo.\n"""\nimport torch\n\n\ndef f(x):\n    """Doc."""\n    # why\n'
    source += "    return x\n"
    assert loop.num_lines(source) == 2

"""`edudet course build`: what students get, and what is the grader's alone."""

from click.testing import CliRunner

from edudet.cli import main
from edudet.course import units
from edudet.grading import bundle


def build(out, *only):
    words = ["course", "build", str(out)]
    for name in only:
        words += ["--only", name]
    return CliRunner().invoke(main, words)


def test_a_course_is_two_folders(tmp_path):
    done = build(tmp_path, "box_iou", "nms_cpp")
    assert done.exit_code == 0, done.output
    box_iou, nms_cpp = (units.load(name) for name in ("box_iou", "nms_cpp"))
    told = done.output.replace("\n", "")
    assert f"{tmp_path / 'student'}: 2 exercises, for students" in told
    assert f"the tests of {box_iou.points + nms_cpp.points:g} points, for you alone" in told
    student = tmp_path / "student"
    assert sorted(path.name for path in student.iterdir()) == ["README.md", "box_iou", "nms_cpp"]
    assert (student / "box_iou" / "box_iou.py").read_text() == box_iou.stub
    assert (student / "nms_cpp" / "nms_cpp.cpp").read_text() == nms_cpp.stub
    assert f"| `nms_cpp` | {nms_cpp.title} | {nms_cpp.points:g} |" in (
        student / "README.md").read_text()  # fmt: skip
    assert list(bundle.load(tmp_path / "bundle").exercises) == ["box_iou", "nms_cpp"]


def test_students_get_no_hidden_test_and_no_solution(tmp_path):
    build(tmp_path, "box_iou")
    files = [path for path in (tmp_path / "student").rglob("*") if path.is_file()]
    texts = [path.read_text() for path in files if path.suffix != ".png"]
    assert sorted(path.suffix for path in files) == [".md", ".md", ".png", ".py"]
    for solution in units.load("box_iou").alternatives.values():
        assert all(solution not in text for text in texts)


def test_an_unknown_exercise_is_told(tmp_path):
    done = build(tmp_path / "out", "nsm")
    assert done.exit_code == 1 and "did you mean nms?" in done.output
    assert not (tmp_path / "out").exists()

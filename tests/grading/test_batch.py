"""Many submissions: resumed after being killed, only the changed ones, each with a result."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edudet.course import units
from edudet.grading import batch, broker, bundle, console, sandbox

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return bundle.build(tmp_path_factory.mktemp("course"), ["box_iou"])


@pytest.fixture
def submissions(tmp_path):
    exercise = units.load("box_iou")
    folder = tmp_path / "submissions"
    solutions = [exercise.stub, *exercise.alternatives.values()]
    for i in range(12):
        (folder / f"s{i:02}").mkdir(parents=True)
        (folder / f"s{i:02}" / "box_iou.py").write_text(solutions[i % len(solutions)])
    return folder


def scores(out):
    return {
        path.parent.name: json.loads(path.read_text())["score"]
        for path in sorted(out.glob("*/result.json"))
    }


def test_every_submission_gets_its_score(walls, made, submissions, tmp_path):
    seen, counts = [], []
    summary = batch.grade(
        submissions, made, tmp_path / "out", jobs=2, begin=lambda *n: counts.append(n),
        report=lambda result: seen.append(result["submission"]),
    )  # fmt: skip
    assert summary.graded == 12 and summary.kept == summary.failed == 0 and counts == [(12, 0)]
    assert sorted(seen) == sorted(path.name for path in submissions.iterdir())
    assert scores(tmp_path / "out") == {f"s{i:02}": 0 if i % 4 == 0 else 10 for i in range(12)}


def test_result_json_holds_what_the_schema_says(walls, made, submissions, tmp_path):
    batch.grade(submissions / "s01", made, tmp_path / "out")
    result = json.loads((tmp_path / "out" / "s01" / "result.json").read_text())
    assert result["schema"] == "edudet.result/1" and result["sandbox"] == walls
    assert result["bundle"] == made.hash and len(result["seed"]) == 16
    assert set(result["versions"]) == {"edudet", "torch", "numpy", "python"}
    assert [test["id"] for test in result["tests"]] == [
        f"box_iou/{test.name}" for test in made.exercises["box_iou"].tests
    ]
    for test in result["tests"]:
        assert set(test) == {"exercise", "id", "points", "max", "visibility", "status", "message",
                             "staff_message", "seconds"}  # fmt: skip
    assert result["score"] == sum(test["points"] for test in result["tests"]) == 10


def test_only_changed_keeps_the_others(walls, made, submissions, tmp_path):
    out = tmp_path / "out"
    batch.grade(submissions, made, out, jobs=2)
    assert batch.grade(submissions, made, out, jobs=2, only_changed=True).graded == 0
    (submissions / "s01" / "box_iou.py").write_text(units.load("box_iou").stub)
    (submissions / "s02" / "notes.txt").write_text("not graded")
    summary = batch.grade(submissions, made, out, jobs=2, only_changed=True)
    assert (summary.graded, summary.kept) == (1, 11) and scores(out)["s01"] == 0


def test_a_whole_run_is_graded_again(walls, made, submissions, tmp_path):
    out = tmp_path / "out"
    batch.grade(submissions / "s01", made, out)
    assert batch.grade(submissions / "s01", made, out).graded == 1


def test_a_broken_result_is_made_again(walls, made, submissions, tmp_path):
    out = tmp_path / "out"
    batch.grade(submissions / "s01", made, out)
    (out / "s01" / "result.json").write_text("{")
    assert batch.grade(submissions / "s01", made, out, only_changed=True).graded == 1
    assert scores(out) == {"s01": 10}


GRADE = """
import sys
from pathlib import Path
from edudet.grading import batch, bundle
if __name__ == "__main__":
    paths = [Path(word) for word in sys.argv[1:]]
    batch.grade(paths[0], bundle.load(paths[1]), paths[2], jobs=2,
                report=lambda result: print(result["submission"], flush=True))
"""


def test_killed_at_any_moment_it_goes_on(walls, made, submissions, tmp_path):
    """SIGKILL after every few submissions: nothing finished is lost or graded again."""
    script, out = tmp_path / "grade.py", tmp_path / "out"
    script.write_text(GRADE)
    command = [sys.executable, str(script), str(submissions), str(made.folder), str(out)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    kills, finished, times = 0, set(), {}
    while True:
        run = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        fresh = []
        assert run.stdout is not None
        for line in run.stdout:
            fresh.append(line.strip())
            if len(fresh) == 3 and kills < 2:
                run.send_signal(signal.SIGKILL)
                break
        run.stdout.close()
        run.wait()
        assert not finished & set(fresh), "graded again what was finished"
        done = {path.parent.name: path.stat().st_mtime_ns for path in out.glob("*/result.json")}
        assert all(done[name] == times[name] for name in times), "written again"
        times, finished = done, finished | set(done)
        if run.returncode == 0:
            break
        kills += 1
        assert kills <= 2, "it ended by itself"
    assert kills == 2 and len(finished) == 12
    assert scores(out) == {f"s{i:02}": 0 if i % 4 == 0 else 10 for i in range(12)}
    assert not list(out.rglob(".*")), "half-written files are left"
    time.sleep(0.5)
    assert not [p for p in Path("/proc").glob("[0-9]*") if _mentions(p, str(made.folder))]


def _mentions(process, text):
    try:
        return text in (process / "cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return False


def test_without_a_sandbox_it_refuses(made, submissions, tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "unavailable", lambda kind: "not here")
    with pytest.raises(sandbox.NoSandbox, match="bubblewrap: not here"):
        batch.grade(submissions, made, tmp_path / "out")
    summary = batch.grade(submissions / "s01", made, tmp_path / "out", unsafe=True)
    assert summary.graded == 1
    result = json.loads((tmp_path / "out" / "s01" / "result.json").read_text())
    assert result["sandbox"] == "none" and result["score"] == 10


def test_an_error_of_ours_costs_one_submission_and_is_told_to_staff(
    walls, made, submissions, tmp_path, monkeypatch, capsys
):
    def mark(*args):
        raise ZeroDivisionError("a bug in a test")

    monkeypatch.setattr(broker, "mark", mark)
    summary = console.grade(submissions, made.folder, tmp_path / "out", 1, False, False)
    assert summary.failed == 12 and "12 of them met a failure" in capsys.readouterr().err
    assert set(scores(tmp_path / "out").values()) == {0} and len(scores(tmp_path / "out")) == 12
    result = json.loads((tmp_path / "out" / "s01" / "result.json").read_text())
    for test in result["tests"]:
        assert test["status"] == "not_run" and "ask staff" in test["message"]
        assert "a bug in a test" in test["staff_message"]


def test_a_changed_bundle_is_refused(made, tmp_path):
    copy = tmp_path / "bundle"
    shutil.copytree(made.folder, copy)
    assert bundle.load(copy).hash == made.hash
    task = copy / "exercises" / "box_iou" / "exercise.py"
    task.write_text(task.read_text() + "\n")
    with pytest.raises(bundle.BadBundle, match="not those of its manifest"):
        bundle.load(copy)
    with pytest.raises(bundle.BadBundle, match="is no bundle"):
        bundle.load(tmp_path)


def test_the_key_is_kept_and_private(tmp_path):
    first = bundle.build(tmp_path, ["box_iou"])
    second = bundle.build(tmp_path, ["box_iou", "nms"])
    assert first.key == second.key and first.hash != second.hash
    assert (tmp_path / "bundle" / "key").stat().st_mode & 0o077 == 0
    assert bundle.build(tmp_path / "other", ["box_iou"]).key != first.key


def test_tables_and_exports(walls, made, submissions, tmp_path):
    from edudet.grading import exports, report, results

    out = tmp_path / "out"
    (submissions / "=1+1").mkdir()
    (submissions / "<b>").mkdir()
    batch.grade(submissions, made, out, jobs=2)
    every = list(results.read_all(out))
    report.write_grades(out / "grades.csv", every)
    rows = {row["submission"]: row for row in csv.DictReader((out / "grades.csv").open())}
    assert len(rows) == 14 and rows["s01"]["score"] == "10" and rows["s00"]["error"] == "7"
    assert "'=1+1" in rows, "a formula in a spreadsheet"
    report.write_report(out / "report.html", every)
    page = (out / "report.html").read_text()
    assert "14 submissions" in page and "<b>" not in page and "&lt;b&gt;" in page
    exports.export(out, "gradescope")
    shown = json.loads((out / "gradescope" / "s00" / "results.json").read_text())
    assert shown["score"] == 0 and len(shown["tests"]) == 7
    assert {test["visibility"] for test in shown["tests"]} == {"visible", "hidden"}
    assert "staff" not in json.dumps(shown)
    exports.export(out, "nbgrader")
    lines = (out / "nbgrader.csv").read_text().splitlines()
    assert lines[0] == "assignment,student_id,raw_score,score,max_score" and len(lines) == 15
    with pytest.raises(ValueError, match="RESULTS must hold"):
        exports.export(tmp_path / "none", "csv")

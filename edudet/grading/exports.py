"""Results in the forms of other graders."""

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edudet.grading.report import write_grades, write_report
from edudet.grading.results import points_by_exercise, read_all, write


def export(folder: Path, form: str, out: Path | None = None) -> list[str]:
    """Write the results in `folder` as `form`: "gradescope", "csv", "html" or "nbgrader"."""
    results = list(read_all(folder))
    if not results:
        raise ValueError(f"export: RESULTS must hold <submission>/result.json, got {folder}")
    if form == "gradescope":
        return _each(results, out or folder / "gradescope")
    if form == "csv":
        path = out or folder / "grades.csv"
        write_grades(path, results)
    elif form == "html":
        path = out or folder / "report.html"
        write_report(path, results)
    else:
        path = out or folder / "nbgrader.csv"
        write(path, _nbgrader(results))
    return [f"{path}: {len(results)} submissions"]


def _each(results: Iterable[dict[str, Any]], out: Path) -> list[str]:
    said = []
    for result in results:
        path = out / result["submission"] / "results.json"
        write(path, json.dumps(gradescope(result), indent=1))
        said.append(str(path))
    return said


def gradescope(result: dict[str, Any]) -> dict[str, Any]:
    """A result as Gradescope's results.json: staff messages stay behind."""
    seen = [test for test in result["tests"] if test["visibility"] == "visible"]
    points, most = (sum(test[word] for test in seen) for word in ("points", "max"))
    hints = [f"{name} behaves like a known mistake: {hint}"
             for name, hint in result["hints"].items()]  # fmt: skip
    return {
        "score": result["score"], "stdout_visibility": "hidden", "visibility": "visible",
        "execution_time": round(sum(test["seconds"] for test in result["tests"])),
        "output": "\n".join([f"Visible tests: {points:g} of {most:g} points.", *hints]),
        "tests": [{
            "name": test["id"], "score": test["points"], "max_score": test["max"],
            "visibility": test["visibility"],
            "status": "passed" if test["status"] == "pass" else "failed",
            "output": test["message"] if test["status"] == "pass"
            else f"{test['status']}: {test['message']}",
        } for test in result["tests"]],
        "extra_data": {key: result[key] for key in ("bundle", "seed", "sandbox", "versions")},
    }  # fmt: skip


def _nbgrader(results: Iterable[dict[str, Any]]) -> str:
    """The columns of nbgrader's own export: one row per student and assignment."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["assignment", "student_id", "raw_score", "score", "max_score"])
    for result in results:
        for name, (points, most) in points_by_exercise(result).items():
            writer.writerow([name, result["submission"], points, points, most])
    return table.getvalue()

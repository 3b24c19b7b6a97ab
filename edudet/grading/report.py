"""What the staff reads after a run: grades.csv and report.html."""

import base64
import csv
import io
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from edudet.grading.results import points_by_exercise, write

TEMPLATE = Path(__file__).parent / "templates" / "report.html"
MOST_LISTED = 20


def write_grades(path: Path, results: Sequence[dict[str, Any]]) -> None:
    """A row per submission: score, maximum, points by exercise, how its tests ended."""
    exercises = list(dict.fromkeys(name for r in results for name in points_by_exercise(r)))
    statuses = sorted({test["status"] for result in results for test in result["tests"]})
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["submission", "score", "max_score", *exercises, *statuses])
    for result in results:
        points = points_by_exercise(result)
        counts = Counter(test["status"] for test in result["tests"])
        writer.writerow([
            _harmless(result["submission"]), result["score"], result["max_score"],
            *(points[name][0] if name in points else "" for name in exercises),
            *(counts[status] for status in statuses),
        ])  # fmt: skip
    write(path, table.getvalue())


def _harmless(text: str) -> str:
    """A spreadsheet takes a cell that begins with one of these for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text


def write_report(path: Path, results: Sequence[dict[str, Any]]) -> None:
    """One page: the distribution, the hardest tests, the known mistakes, the time it took."""
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    page = environment.from_string(TEMPLATE.read_text()).render(
        results=sorted(results, key=lambda result: result["submission"]),
        exercises=_exercises(results), tests=_hardest(results), mistakes=_mistakes(results),
        slowest=_slowest(results), seconds=_seconds(results), histogram=_histogram(results),
        statuses=Counter(t["status"] for r in results for t in r["tests"]).most_common(),
        sandboxes=sorted({result["sandbox"] for result in results}),
        bundles=sorted({result["bundle"][:12] for result in results}),
    )  # fmt: skip
    write(path, page)


def _exercises(results: Sequence[dict[str, Any]]) -> list[tuple[str, float, float]]:
    """Exercise, mean points, maximum."""
    sums: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for result in results:
        for name, pair in points_by_exercise(result).items():
            sums[name].append(pair)
    return [
        (name, sum(points for points, _ in pairs) / len(pairs), pairs[0][1])
        for name, pairs in sums.items()
    ]


def _hardest(results: Sequence[dict[str, Any]]) -> list[tuple[str, str, float, str]]:
    """Test, visibility, share that passed it, how the others ended; the hardest first."""
    ends: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for result in results:
        for test in result["tests"]:
            ends[test["id"], test["visibility"]][test["status"]] += 1
    rows = []
    for (name, visibility), counts in ends.items():
        others = ", ".join(f"{n} {end}" for end, n in counts.most_common() if end != "pass")
        rows.append((name, visibility, counts["pass"] / counts.total(), others))
    return sorted(rows, key=lambda row: row[2])[:MOST_LISTED]


def _mistakes(results: Sequence[dict[str, Any]]) -> list[tuple[str, str, int]]:
    """Exercise, known mistake, how many made it."""
    counts = Counter(pair for result in results for pair in result["hints"].items())
    return [(name, hint, n) for (name, hint), n in counts.most_common(MOST_LISTED)]


def _slowest(results: Sequence[dict[str, Any]]) -> list[tuple[str, float]]:
    times = [(r["submission"], sum(t["seconds"] for t in r["tests"])) for r in results]
    return sorted(times, key=lambda pair: -pair[1])[:5]


def _seconds(results: Sequence[dict[str, Any]]) -> float:
    return sum(test["seconds"] for result in results for test in result["tests"])


def _histogram(results: Sequence[dict[str, Any]]) -> str:
    """The distribution of the scores, in percent, as an SVG for an <img>."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    shares = [100 * r["score"] / r["max_score"] for r in results if r["max_score"]]
    figure = Figure((6.4, 2.2), layout="constrained")
    axes = figure.add_subplot()
    axes.hist(shares, bins=range(0, 101, 5), color="#2a6f97", edgecolor="white")
    axes.set(xlabel="score in percent", ylabel="submissions", xlim=(0, 100))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="svg")
    return base64.b64encode(drawn.getvalue()).decode()

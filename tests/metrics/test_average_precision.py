import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from edudet.cases.metrics.average_precision import CASES, MISTAKES
from edudet.metrics import average_precision, precision_recall_curve
from edudet.metrics.average_precision import IMPLEMENTATIONS

FORMS = [average_precision, *IMPLEMENTATIONS.values()]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, dtype, case):
    recall, precision = (torch.tensor(x, dtype=dtype, device=device) for x in case.args[:2])
    assert form(recall, precision, case.args[2]) == pytest.approx(case.expected, abs=1e-6)


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_cases_catch_mistakes(mistake):
    assert any(mistake(*case.args) != pytest.approx(case.expected) for case in CASES)


def test_the_slide_without_its_factor_and_with_lost_levels():
    line = next(case for case in CASES if case.name == "a straight line")
    assert MISTAKES["the sum over the levels lacks its factor 1/11"](*line.args) == pytest.approx(
        5.4
    )
    lost = next(mistake for hint, mistake in MISTAKES.items() if hint.startswith("levels are lost"))
    assert lost(*line.args) == pytest.approx(5.1 / 11)


RANKINGS = st.lists(st.booleans(), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(RANKINGS, st.integers(0, 5), st.sampled_from(["all", 11, 101]))
def test_forms_agree(right, missed, points):
    scores = torch.arange(len(right), 0, -1).float()
    curve = precision_recall_curve(torch.tensor(right), scores, sum(right) + missed)
    values = [form(curve.recall, curve.precision, points) for form in FORMS]
    assert values == pytest.approx([values[0]] * len(values), abs=1e-12)
    assert 0 <= values[0] <= 1
    assert average_precision(curve.recall, curve.smoothed, points) == pytest.approx(values[0])


@settings(max_examples=40, deadline=None)
@given(RANKINGS.filter(any))
def test_scikit_learn_is_the_unsmoothed_area(right):
    scores = torch.arange(len(right), 0, -1).float()
    curve = precision_recall_curve(torch.tensor(right), scores)
    steps = curve.recall.diff(prepend=torch.zeros(1))
    raw = average_precision_score(right, scores)
    assert float((steps * curve.precision).sum()) == pytest.approx(raw)
    assert average_precision(curve.recall, curve.precision) >= raw - 1e-12


def test_which_ranks_fit_the_lecture():
    """Two right of six; 1/3 and 1/2 after three answers, 1/2 and 1 after four."""
    fitting = {}
    for i in range(6):
        for j in range(i + 1, 6):
            labels = torch.tensor([k in (i, j) for k in range(6)])
            curve = precision_recall_curve(labels, torch.arange(6, 0, -1).float())
            points = list(zip(curve.precision.tolist(), curve.recall.tolist(), strict=True))
            if points[2] == (1 / 3, 0.5) and points[3] == (0.5, 1):
                steps = curve.recall.diff(prepend=torch.zeros(1))
                fitting[i + 1, j + 1] = float((steps * curve.precision).sum())
    assert fitting == pytest.approx({(1, 4): 0.75, (2, 4): 0.5, (3, 4): 5 / 12})


@pytest.mark.parametrize(
    ("recall", "precision", "points", "error", "message"),
    [
        ([0.5], torch.ones(1), "all", TypeError, "recall must be a Tensor, got list"),
        (torch.ones(2), torch.ones(1), "all", ValueError, "recall and precision must have one sh"),
        (
            torch.tensor([0.5, 1.5]),
            torch.ones(2),
            11,
            ValueError,
            r"recall\[1\] must lie in \[0, 1",
        ),
        (
            torch.ones(1),
            torch.tensor([math.nan]),
            11,
            ValueError,
            r"precision\[0\] must lie .* nan",
        ),
        (torch.tensor([1, 0.5]), torch.ones(2), 11, ValueError, "recall must not fall, got 1, 0.5"),
        (torch.ones(1), torch.ones(1), 10, ValueError, 'points must be "all", 11 or 101, got 10'),
    ],
)
def test_errors(recall, precision, points, error, message):
    with pytest.raises(error, match="^average_precision: " + message):
        average_precision(recall, precision, points)

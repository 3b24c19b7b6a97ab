import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from edudet.cases.metrics.confusion import CASES, MISTAKES
from edudet.metrics import Confusion, confusion
from edudet.metrics.confusion import IMPLEMENTATIONS

FORMS = [confusion, *IMPLEMENTATIONS.values()]


def tensors(labels, scores, device="cpu"):
    return torch.tensor(labels, device=device).long(), torch.tensor(scores, device=device).float()


def numbers(found):
    counts = (found.tp, found.fp, found.fn, found.tn)
    return *counts, found.precision, found.recall, found.f1


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    labels, scores = tensors(*case.args[:2], device)
    assert numbers(form(labels, scores, case.args[2])) == pytest.approx(case.expected)
    assert numbers(form(labels.bool(), scores, case.args[2])) == pytest.approx(case.expected)


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_cases_catch_mistakes(mistake):
    assert any(mistake(*case.args) != pytest.approx(case.expected) for case in CASES)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-4, 4), st.booleans()), max_size=20),
    st.sampled_from([*range(-5, 6), math.inf, -math.inf]),
)
def test_forms_and_scikit_learn_agree(pairs, threshold):
    labels, scores = tensors([y for _, y in pairs], [s for s, _ in pairs])
    found = {form(labels, scores, threshold) for form in FORMS}
    assert len(found) == 1
    matrix = (
        confusion_matrix(labels, scores >= threshold, labels=[0, 1])
        if pairs
        else np.zeros((2, 2), int)
    )
    tn, fp, fn, tp = matrix.ravel().tolist()
    assert found == {Confusion(tp, fp, fn, tn)}


def test_lowering_the_threshold_never_loses_recall():
    generator = torch.Generator().manual_seed(0)
    scores, labels = torch.rand(50, generator=generator), torch.rand(50, generator=generator) < 0.3
    recalls = [confusion(labels, scores, t / 10).recall for t in range(11, -1, -1)]
    assert recalls == sorted(recalls) and recalls[0] == 0 and recalls[-1] == 1


def test_counts_are_pooled():
    a, b = Confusion(1, 3, 2, 4), Confusion(1, 0, 1)
    assert sum([a, b], Confusion()) == Confusion(2, 3, 3, 4)


@pytest.mark.parametrize(
    ("labels", "scores", "threshold", "error", "message"),
    [
        (torch.ones(1), [0.5], 0.5, TypeError, "scores must be a Tensor, got list"),
        (
            torch.ones(1),
            torch.ones(1, dtype=torch.int64),
            0.5,
            ValueError,
            "labels must be bool or integers, and scores float, got float32 and int64: is the "
            r"truth the first argument\?",
        ),
        (torch.ones(1), torch.ones(1), 0.5, ValueError, "labels must have dtype bool, .*float32"),
        (
            torch.ones(1, dtype=torch.int64),
            torch.ones(2),
            0.5,
            ValueError,
            r"labels must have the shape of scores, \(2,\), got \(1,\)",
        ),
        (torch.ones(1, 1).bool(), torch.ones(1, 1), 0.5, ValueError, r"scores must have shape \(N"),
        (
            torch.ones(2).bool(),
            torch.tensor([1, math.nan]),
            0.5,
            ValueError,
            r"scores\[1\] must be a number, got nan",
        ),
        (torch.tensor([2]), torch.ones(1), 0.5, ValueError, r"labels\[0\] must be 0 or 1, got 2"),
        (torch.tensor([1]), torch.ones(1), "0.5", TypeError, "threshold must be a number, got '"),
        (torch.tensor([1]), torch.ones(1), math.nan, ValueError, "threshold must be a number, got"),
    ],
)
def test_errors(labels, scores, threshold, error, message):
    with pytest.raises(error, match="^confusion: " + message):
        confusion(labels, scores, threshold)

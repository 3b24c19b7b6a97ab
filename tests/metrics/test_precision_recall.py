import math

import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edudet.cases.metrics.precision_recall import CASES, MISTAKES
from edudet.metrics import confusion, precision_recall_curve
from edudet.metrics.precision_recall import IMPLEMENTATIONS

FORMS = [precision_recall_curve, *IMPLEMENTATIONS.values()]


def tensors(labels, scores, device="cpu"):
    return torch.tensor(labels, device=device).long(), torch.tensor(scores, device=device).float()


def close(found, expected):
    return all(list(f) == pytest.approx(list(e)) for f, e in zip(found, expected, strict=True))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    found = form(*tensors(*case.args[:2], device), case.args[2])
    assert close([field.tolist() for field in found], case.expected)
    assert found.recall.dtype == torch.float64 and found.thresholds.dtype == torch.float32


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_cases_catch_mistakes(mistake):
    assert not all(close(mistake(*case.args), case.expected) for case in CASES)


ANSWERS = st.lists(st.tuples(st.integers(-4, 4), st.booleans()), max_size=20)


@settings(max_examples=50, deadline=None)
@given(ANSWERS, st.integers(0, 3), st.booleans())
def test_forms_agree(pairs, missed, split_ties):
    labels, scores = tensors([y for _, y in pairs], [s for s, _ in pairs])
    first, *others = (
        form(labels, scores, int(labels.sum()) + missed, split_ties) for form in FORMS
    )
    for other in others:
        assert all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


@settings(max_examples=50, deadline=None)
@given(ANSWERS.filter(lambda pairs: any(y for _, y in pairs)))
def test_scikit_learn_agrees(pairs):
    labels, scores = tensors([y for _, y in pairs], [s for s, _ in pairs])
    found = precision_recall_curve(labels, scores)
    precision, recall, thresholds = sklearn.metrics.precision_recall_curve(labels, scores)
    np.testing.assert_allclose(found.precision, precision[-2::-1], atol=1e-12)
    np.testing.assert_allclose(found.recall, recall[-2::-1], atol=1e-12)
    np.testing.assert_array_equal(found.thresholds, thresholds[::-1])


def test_every_point_is_what_confusion_counts():
    generator = torch.Generator().manual_seed(0)
    scores = torch.randint(0, 9, (30,), generator=generator).float()
    labels = torch.rand(30, generator=generator) < 0.4
    curve = precision_recall_curve(labels, scores)
    for precision, recall, threshold, _ in zip(*curve, strict=True):
        counts = confusion(labels, scores, float(threshold))
        assert (counts.precision, counts.recall) == (precision, recall)


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        ((torch.ones(2).bool(), torch.ones(2), 1), ValueError, "num_positives must be at least"),
        ((torch.ones(2).bool(), torch.ones(2), 2.5), TypeError, "num_positives must be an int"),
        ((torch.ones(2).bool(), torch.ones(2), 2, 1), TypeError, "split_ties must be a bool"),
        (
            (torch.ones(1).bool(), torch.tensor([math.nan])),
            ValueError,
            r"scores\[0\] must be a num",
        ),
        (
            (torch.ones(2), torch.ones(2).bool()),
            ValueError,
            r"labels must be bool .* got float32 and bool: is the truth the first argument\?",
        ),
    ],
)
def test_errors(args, error, message):
    with pytest.raises(error, match="^precision_recall_curve: " + message):
        precision_recall_curve(*args)

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edudet.cases.targets.sampling import CASES, MISTAKES
from edudet.targets import sample_balanced
from edudet.targets.sampling import IMPLEMENTATIONS


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


def labels_of(numbers, dtype=torch.int64):
    return torch.tensor(numbers, dtype=dtype)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("dtype", [torch.int64, torch.int8])
def test_worked_examples(form, case, dtype):
    labels, size, fraction = case.args
    labels = labels_of(labels, dtype)
    positive, negative = form(labels, size, fraction, seeded())
    assert (len(positive), len(negative)) == case.expected
    assert (labels[positive] > 0).all() and (labels[negative] == 0).all()
    for indices in (positive, negative):
        assert indices.dtype == torch.int64
        assert torch.equal(indices, indices.unique())  # in order, none twice


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.integers(-1, 3), max_size=40),
    st.integers(0, 30),
    st.floats(0, 1),
    st.integers(0, 1000),
)
def test_forms_draw_the_same(labels, size, fraction, seed):
    loop, vectorized = (
        form(labels_of(labels), size, fraction, seeded(seed)) for form in IMPLEMENTATIONS.values()
    )
    for a, b in zip(loop, vectorized, strict=True):
        assert torch.equal(a, b)
    assert len(loop.positive) <= size * fraction
    assert len(loop.positive) + len(loop.negative) <= size


def test_the_generator_fixes_the_draw(form):
    labels = labels_of([1] * 50 + [0] * 500)
    first, again, other = (form(labels, 64, 0.5, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first.negative, again.negative)
    assert torch.equal(first.positive, again.positive)
    assert not torch.equal(first.negative, other.negative)
    torch.manual_seed(3)
    drawn = form(labels, 64)
    torch.manual_seed(3)
    assert torch.equal(form(labels, 64).negative, drawn.negative)


def test_every_anchor_has_the_same_chance(form):
    labels = labels_of([1] * 6 + [0] * 12 + [-1] * 3)
    times = torch.zeros(len(labels))
    generator = seeded(4)
    for _ in range(1500):
        for indices in form(labels, 6, 0.5, generator):
            times[indices] += 1
    # Binomial: 3 of 6 and 3 of 12; five standard deviations are below 0.066.
    assert (times[:6] / 1500 - 0.5).abs().max() < 0.066
    assert (times[6:18] / 1500 - 0.25).abs().max() < 0.066
    assert times[18:].sum() == 0


LABELS = labels_of([1, 0, -1])


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (([1, 0],), TypeError, "sample_balanced: labels must be a Tensor, got list"),
        ((LABELS[None],), ValueError, r"labels must have shape \(N,\), got \(1, 3\)"),
        ((LABELS.float(),), ValueError, "labels must have dtype .* got float32"),
        ((LABELS, 2.5), TypeError, "size must be an int, got 2.5"),
        ((LABELS, -1), ValueError, "size must be at least 0, got -1"),
        ((LABELS, 2, 1.5), ValueError, r"positive_fraction must lie in \[0, 1\], got 1.5"),
        ((LABELS, 2, math.nan), ValueError, "positive_fraction must lie in"),
        ((LABELS, 2, 0.5, 42), TypeError, "generator must be a torch.Generator, got int"),
    ],
)
def test_errors(args, error, message):
    with pytest.raises(error, match=message):
        sample_balanced(*args)

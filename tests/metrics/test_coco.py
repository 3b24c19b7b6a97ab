import numpy as np
import pytest
import torch

from conftest import require
from edudet import native
from edudet.cases.metrics.coco import CASES, MISTAKES
from edudet.metrics.coco import IMPLEMENTATIONS, RECALL_LEVELS, CocoProblem


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    if request.param == "native":
        require(native.missing("cpu"), "native")
    return IMPLEMENTATIONS[request.param]


def one_image(overlaps, ignore, crowd, threshold=0.5):
    n, m = len(overlaps), len(ignore)
    return CocoProblem(
        np.array(overlaps, dtype=float).reshape(-1), np.arange(n + 1) * m,
        np.zeros(n, dtype=np.int64), np.arange(n), np.arange(n, 0, -1.0), np.ones(n), np.ones(m),
        np.array(ignore), np.array(crowd), np.array([0, n]), np.array([0, m]),
        np.array([threshold]), np.array([0.0, 1.0]), np.array([0.0, 1e10]), np.array([100]),
    )  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, case):
    precision, recall = form(one_image(*case.args))
    assert precision.shape == (1, 2, 1, 1, 1) and recall.shape == (1, 1, 1, 1)
    assert (*precision.ravel(), *recall.ravel()) == pytest.approx(case.expected)


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_cases_catch_mistakes(mistake):
    assert any(mistake(*case.args) != pytest.approx(case.expected) for case in CASES)


def random_problem(rng):
    """Several classes and images; overlaps, scores and areas with many ties."""
    classes, images = rng.integers(1, 4, 2)
    groups = classes * images
    objects = rng.integers(0, 5, groups)
    shown = rng.integers(0, 7, groups)
    group = np.repeat(np.arange(groups), shown)
    rank = np.concatenate([np.arange(k) for k in shown]).astype(np.int64)
    scores = np.concatenate([np.sort(rng.integers(0, 5, k) / 4.0)[::-1] for k in shown])
    ends, starts = np.cumsum([0, *shown]), np.cumsum([0, *objects])
    row_begin = np.concatenate([[0], np.cumsum(objects[group])]).astype(np.int64)
    return CocoProblem(
        rng.choice([0, 0.25, 0.5, 0.75, 0.75, 1], row_begin[-1]), row_begin, starts[group], rank,
        scores, rng.choice([0.0, 4.0, 9.0], len(group)), rng.choice([0.0, 4.0, 9.0], starts[-1]),
        rng.random(starts[-1]) < 0.2, rng.random(starts[-1]) < 0.2, ends[::images],
        starts[::images], np.array([0.5, 0.75, 1.0]), RECALL_LEVELS,
        np.array([0.0, 100.0, 0.0, 4.0, 4.0, 9.0]), np.array([1, 3, 5]),
    )  # fmt: skip


def test_forms_agree():
    require(native.missing("cpu"), "native")
    for seed in range(60):
        problem = random_problem(np.random.default_rng(seed))
        for one, other in zip(*(form(problem) for form in IMPLEMENTATIONS.values()), strict=True):
            assert np.array_equal(one, other)


def test_classes_one_by_one(form):
    problem = random_problem(np.random.default_rng(3))
    whole = form(problem)
    for k in range(len(problem.class_begin) - 1):
        part = form(problem.of_classes(k, k + 1))
        assert np.array_equal(part[0][:, :, 0], whole[0][:, :, k])
        assert np.array_equal(part[1][:, 0], whole[1][:, k])


@pytest.mark.parametrize("name", ["first_object", "row_begin", "class_begin", "object_begin"])
def test_the_kernel_refuses_what_does_not_fit(name):
    require(native.missing("cpu"), "native")
    problem = one_image([[0.75]], [False], [False])
    wrong = problem._replace(**{name: getattr(problem, name) + 5})
    with pytest.raises(ValueError, match=f"^coco_metrics: {name}"):
        native.call("coco", "coco_metrics", *map(torch.from_numpy, wrong))

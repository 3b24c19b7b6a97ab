import numpy as np
import pytest

from conftest import require
from edudet import native
from edudet.cases.metrics.coco_overlaps import (
    BOXES,
    KEYPOINTS,
    MISTAKES_OF_BOXES,
    MISTAKES_OF_KEYPOINTS,
)
from edudet.metrics.coco_overlaps import IMPLEMENTATIONS, Pairs, Regions
from edudet.metrics.rle import encode_loop
from edudet.metrics.run_lengths import RunLengths

ONE_PAIR = Pairs(np.array([0, 1]), np.array([0]))


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


@pytest.mark.parametrize("case", BOXES, ids=lambda case: case.name)
def test_worked_examples_of_boxes(form, case):
    truth, found, crowd = (np.array([x], dtype=type_) for x, type_ in zip(
        case.args, (float, float, bool), strict=True
    ))  # fmt: skip
    assert form("box", Regions(truth, crowd), Regions(found), ONE_PAIR) == [case.expected]


@pytest.mark.parametrize("case", KEYPOINTS, ids=lambda case: case.name)
def test_worked_examples_of_keypoints(form, case):
    truth, found, area, box, sigmas = (np.array([x], dtype=float) for x in case.args)
    truth = Regions(truth, np.zeros(1, dtype=bool), area, box)
    value = form("keypoints", truth, Regions(found), ONE_PAIR, sigmas[0])
    assert value == pytest.approx([case.expected], abs=1e-12)


@pytest.mark.parametrize(
    ("mistake", "cases"),
    [(m, BOXES) for m in MISTAKES_OF_BOXES.values()]
    + [(m, KEYPOINTS) for m in MISTAKES_OF_KEYPOINTS.values()],
    ids=[*MISTAKES_OF_BOXES, *MISTAKES_OF_KEYPOINTS],
)
def test_cases_catch_mistakes(mistake, cases):
    assert any(mistake(*case.args) != pytest.approx(case.expected) for case in cases)


def regions(kind, rng, n):
    if kind == "box":
        return rng.integers(0, 12, (n, 4)).astype(float)
    if kind == "keypoints":
        return rng.integers(0, 3, (n, 17, 3)) * [10.0, 10.0, 1.0]
    import torch

    masks = torch.from_numpy(rng.random((n, 7, 5)) < rng.random((n, 1, 1)))
    return RunLengths.of([(encode_loop(mask), 7, 5) for mask in masks])


@pytest.mark.parametrize("kind", ["box", "mask", "keypoints"])
def test_forms_agree(kind, monkeypatch):
    require(native.missing("cpu"), "native")
    monkeypatch.setattr("edudet.metrics.coco_overlaps.PAIRS_AT_ONCE", 7)
    for seed in range(12):
        rng = np.random.default_rng(seed)
        n, m = rng.integers(0, 9, 2)
        lengths = rng.integers(0, m + 1, n)
        pairs = Pairs(
            np.concatenate([[0], np.cumsum(lengths)]),
            np.array([rng.integers(0, m - k + 1) for k in lengths], dtype=np.int64),
        )
        truth = Regions(
            regions(kind, rng, m), rng.random(m) < 0.3, rng.integers(0, 900, m).astype(float),
            rng.integers(0, 30, (m, 4)).astype(float),
        )  # fmt: skip
        found = Regions(regions(kind, rng, n))
        values = [form(kind, truth, found, pairs) for form in IMPLEMENTATIONS.values()]
        assert len(values[0]) == lengths.sum() and np.array_equal(*values)

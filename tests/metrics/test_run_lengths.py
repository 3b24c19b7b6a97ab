import numpy as np
import pytest
import torch

from conftest import require
from edudet import native
from edudet.cases.metrics.run_lengths import CASES, MISTAKES
from edudet.metrics import rle_encode, rle_iou
from edudet.metrics.run_lengths import IMPLEMENTATIONS, RunLengths

EACH_WITH_ITS_OWN = (np.arange(len(CASES) + 1), np.arange(len(CASES)))


def masks(of, sizes=(2, 3)):
    return RunLengths.of([(counts, *sizes) for counts in of])


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_worked_examples(name):
    if name == "native":
        require(native.missing("cpu"), "native")
    first, second, crowd = zip(*(case.args for case in CASES), strict=True)
    overlaps = IMPLEMENTATIONS[name](
        masks(second), masks(first), np.array(crowd), *EACH_WITH_ITS_OWN
    )
    assert dict(zip((case.name for case in CASES), overlaps, strict=True)) == pytest.approx(
        {case.name: case.expected for case in CASES}
    )


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_cases_catch_mistakes(mistake):
    assert any(mistake(*case.args) != pytest.approx(case.expected) for case in CASES)


def test_forms_agree_with_unfolded_masks():
    require(native.missing("cpu"), "native")
    for seed in range(30):
        rng = np.random.default_rng(seed)
        height, width = rng.integers(1, 9, 2).tolist()
        a, b = (
            torch.from_numpy(rng.random((n, height, width)) < rng.random((n, 1, 1)))
            for n in rng.integers(0, 5, 2)
        )
        ours = rle_iou([rle_encode(mask) for mask in a], [rle_encode(mask) for mask in b])
        inter = (a[:, None] & b).sum((2, 3)).double()
        union = (a[:, None] | b).sum((2, 3))
        assert torch.equal(ours, torch.where(inter > 0, inter / union, 0))


def test_areas_and_choices():
    found = masks([[2, 3, 1], [0, 6], [6], [1, 1, 1, 1, 1, 1]])
    assert found.area().tolist() == [3, 6, 0, 3]
    chosen = found[np.array([3, 0])]
    assert chosen.area().tolist() == [3, 3] and chosen.one(1) == [2, 3, 1]
    assert len(masks([])) == 0 and masks([]).area().shape == (0,)

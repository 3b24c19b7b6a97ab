import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from edudet import metrics
from edudet.cases.metrics.segmentation import CASES, MISTAKES, MISTAKES_OF_SCORES, SCORES
from edudet.losses import dice_loss
from edudet.metrics import (
    dice_coefficient,
    intersection_over_union,
    mean_iou,
    segmentation_confusion,
    segmentation_f1,
    segmentation_precision,
    segmentation_recall,
)
from edudet.metrics.segmentation import IMPLEMENTATIONS


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    truth, called, *rest = case.args
    truth, called = (torch.tensor(x, dtype=torch.int64, device=device) for x in (truth, called))
    assert form(truth, called, *rest).tolist() == case.expected


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    def differs(case):
        try:
            return MISTAKES[mistake](*case.args) != case.expected
        except IndexError:
            return True

    assert any(differs(case) for case in CASES), "no case bites"


@pytest.mark.parametrize("case", SCORES, ids=lambda case: case.name)
def test_worked_scores(case):
    for name, expected in case.expected.items():
        got = getattr(metrics, name)(torch.tensor(*case.args))
        expected = torch.tensor(expected, dtype=torch.double)
        assert_close(got, expected, rtol=1e-15, atol=0, equal_nan=True, msg=name)


@pytest.mark.parametrize(
    ("score", "mistake"),
    [(score, mistake) for score, mistakes in MISTAKES_OF_SCORES.items() for mistake in mistakes],
)
def test_worked_scores_catch(score, mistake):
    solve = MISTAKES_OF_SCORES[score][mistake]
    assert any(
        not np.allclose(solve(*case.args), case.expected[score], equal_nan=True) for case in SCORES
    ), "no case bites"


@pytest.mark.filterwarnings("ignore:A single label was found")
@settings(deadline=None, max_examples=60)
@given(st.integers(1, 4), st.integers(0, 30), st.integers(0, 9), st.sampled_from([None, 0, 255]))
def test_forms_agree_with_each_other_and_with_sklearn(classes, pixels, seed, ignored):
    sklearn = pytest.importorskip("sklearn.metrics")
    generator = torch.Generator().manual_seed(seed)
    truth, called = torch.randint(0, classes, (2, pixels), generator=generator)
    if ignored == 255:
        truth[torch.rand(pixels, generator=generator) < 0.3] = 255
    counts, vectorized = (f(truth, called, classes, ignored) for f in IMPLEMENTATIONS.values())
    assert torch.equal(counts, vectorized) and counts.dtype == torch.int64
    kept = truth != ignored if ignored is not None else torch.ones(pixels, dtype=torch.bool)
    if not kept.any():  # scikit-learn wants a pixel
        assert not counts.any()
        return
    truth, called = truth[kept].numpy(), called[kept].numpy()
    labels = list(range(classes))
    assert counts.tolist() == sklearn.confusion_matrix(truth, called, labels=labels).tolist()
    for ours, theirs in (
        (segmentation_f1, sklearn.f1_score),
        (segmentation_precision, sklearn.precision_score),
        (segmentation_recall, sklearn.recall_score),
        (intersection_over_union, sklearn.jaccard_score),  # it takes no NaN for 0/0
    ):
        empty = 0 if theirs is sklearn.jaccard_score else np.nan
        expected = theirs(truth, called, labels=labels, average=None, zero_division=empty)
        there = [label in truth or label in called for label in labels]
        np.testing.assert_allclose(
            ours(counts).numpy(), np.where(there, expected, np.nan), rtol=1e-12
        )
    assert metrics.pixel_accuracy(counts).item() == pytest.approx(
        sklearn.accuracy_score(truth, called)
    )


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 9), min_size=9, max_size=9))
def test_dice_is_f1_and_a_function_of_iou(counts):
    counts = torch.tensor(counts).reshape(3, 3)
    dice, iou = dice_coefficient(counts), intersection_over_union(counts)
    assert_close(dice, segmentation_f1(counts), rtol=1e-14, atol=0, equal_nan=True)
    assert_close(dice, 2 * iou / (1 + iou), rtol=1e-14, atol=0, equal_nan=True)
    precision, recall = segmentation_precision(counts), segmentation_recall(counts)
    harmonic = 2 * precision * recall / (precision + recall)
    assert_close(dice[harmonic.isfinite()], harmonic[harmonic.isfinite()])


def test_dice_is_what_the_loss_lacks_to_1():
    generator = torch.Generator().manual_seed(0)
    truth, called = torch.randint(0, 2, (2, 50), generator=generator)
    counts = segmentation_confusion(truth, called, 2)
    loss = dice_loss(400.0 * called[None].double() - 200, truth[None].double(), eps=0.0)
    assert_close(1 - loss, dice_coefficient(counts)[1])


def test_tables_add_up(form):
    generator = torch.Generator().manual_seed(1)
    truth, called = torch.randint(0, 3, (2, 4, 5, 6), generator=generator)
    parts = sum(form(t, c, 3) for t, c in zip(truth, called, strict=True))
    assert torch.equal(form(truth, called, 3), parts)
    assert torch.equal(form(truth.transpose(1, 2), called.transpose(1, 2), 3), parts)
    assert torch.equal(form(called, truth, 3), parts.T)
    assert_close(mean_iou(parts), mean_iou(parts.T))  # IoU does not know who is the truth


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int32, torch.bool])
def test_dtypes(form, dtype):
    truth, called = torch.tensor([0, 1, 1]).to(dtype), torch.tensor([0, 1, 0]).to(dtype)
    assert form(truth, called, 2).tolist() == [[1, 0], [1, 1]]


def test_many_classes_in_one_byte(form):
    truth = torch.arange(200).to(torch.uint8)  # row * classes + column exceeds 255
    assert torch.equal(form(truth, truth, 200), torch.eye(200, dtype=torch.int64))


zeros = torch.zeros(2, 2, dtype=torch.int64)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: segmentation_confusion(zeros + 255, zeros, 2),
            ValueError,
            r"gt_labels\[0, 0\] must lie in 0 to 1, got 255: is that the ignore_index\?",
        ),
        (
            lambda: segmentation_confusion(zeros, zeros - 1, 2),
            ValueError,
            r"labels\[0, 0\] must lie in 0 to 1, got -1",
        ),
        (
            lambda: segmentation_confusion(zeros, zeros[0], 2),
            ValueError,
            r"labels must have the shape of gt_labels, \(2, 2\), got \(2,\)",
        ),
        (
            lambda: segmentation_confusion(zeros, zeros.float(), 2),
            ValueError,
            "labels must have dtype uint8, .* got float32",
        ),
        (
            lambda: segmentation_confusion(zeros, 0, 2),
            TypeError,
            "labels must be a Tensor, got int",
        ),
        (
            lambda: segmentation_confusion(zeros, zeros, 0),
            ValueError,
            "num_classes must be positive",
        ),
        (
            lambda: segmentation_confusion(zeros, zeros, 2.0),
            TypeError,
            "num_classes must be an int",
        ),
        (
            lambda: segmentation_confusion(zeros, zeros, 2, 25.5),
            TypeError,
            "ignore_index must be an int, got 25.5",
        ),
        (
            lambda: mean_iou(torch.zeros(2, 3)),
            ValueError,
            r"mean_iou: confusion must have shape \(K, K\), got \(2, 3\)",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from edudet.cases.proposals.sliding_window import CASES, COSTS, COUNTS, MISTAKES
from edudet.proposals import exhaustive_cost, image_pyramid, sliding_windows, window_count
from edudet.proposals.sliding_window import IMPLEMENTATIONS


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, case):
    assert form(*case.args).tolist() == case.expected
    assert form(*case.args).shape == (len(case.expected), 4)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


@pytest.mark.parametrize("case", COUNTS, ids=lambda case: case.name)
def test_counts(case):
    assert window_count(*case.args) == case.expected


@pytest.mark.parametrize("case", COSTS, ids=lambda case: case.name)
def test_costs(case):
    assert exhaustive_cost(*case.args) == pytest.approx(case.expected, rel=1e-12)


def test_all_rectangles_are_the_windows_of_all_sizes():
    sizes = [(h, w) for h in range(1, 4) for w in range(1, 5)]
    assert window_count((3, 4)) == sum(len(sliding_windows((3, 4), size)) for size in sizes)


@settings(deadline=None, max_examples=60)
@given(
    *[st.tuples(st.integers(1, 12), st.integers(1, 12))] * 2,
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
)
def test_forms_agree_with_each_other_and_with_unfold(image, window, stride):
    loop, vectorized = (f(image, window, stride, (0.5, 0.25)) for f in IMPLEMENTATIONS.values())
    assert torch.equal(loop, vectorized)
    count = window_count(image, window, stride)
    assert len(loop) == count
    if count:  # an outside witness: torch cuts the same windows out of an image of coordinates
        y, x = torch.meshgrid(*(torch.arange(side).float() for side in image), indexing="ij")
        cut = [c.unfold(0, window[0], stride[0]).unfold(1, window[1], stride[1]) for c in (x, y)]
        corners = [c.flatten(0, 1).flatten(1) for c in cut]
        expected = torch.stack(
            [
                corners[0][:, 0] * 4,
                corners[1][:, 0] * 2,
                (corners[0][:, -1] + 1) * 4,
                (corners[1][:, -1] + 1) * 2,
            ],
            1,
        )
        assert_close(loop, expected)


def test_pyramid():
    image = torch.rand(3, 30, 41, dtype=torch.double, requires_grad=True)
    levels = image_pyramid(image, [2, 1, 0.5, 0.1], min_size=(10, 10))
    assert [tuple(level.shape) for level, _ in levels] == [(3, 60, 82), (3, 30, 41), (3, 15, 20)]
    assert levels[2][1] == (15 / 30, 20 / 41)
    assert_close(levels[1][0], image)
    levels[2][0].sum().backward()
    assert image.grad.abs().sum() > 0
    constant, _ = image_pyramid(torch.full((1, 9, 9), 0.5), [0.4])[0]
    assert_close(constant, torch.full((1, 4, 4), 0.5))


def test_a_window_on_a_level_lies_on_the_same_place_of_the_image():
    image = torch.zeros(1, 40, 60)
    image[:, 20:40, 30:60] = 1
    ((level, scale),) = image_pyramid(image, [0.5])
    windows = sliding_windows(tuple(level.shape[1:]), (10, 15), (10, 15), scale)
    bright = [level[0, y : y + 10, x : x + 15].mean() for y in (0, 10) for x in (0, 15)]
    assert windows[int(torch.stack(bright).argmax())].tolist() == [30, 20, 60, 40]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: sliding_windows((3, 0), 2),
            ValueError,
            r"image_size must be at least 1, got \(3, 0\)",
        ),
        (
            lambda: sliding_windows(5, 2.5),
            TypeError,
            "window_size must be an int or a pair .* got 2.5",
        ),
        (lambda: sliding_windows(5, 2, 0), ValueError, "stride must be at least 1, got 0"),
        (
            lambda: window_count((3, 4, 5)),
            TypeError,
            "window_count: image_size must be an int or a",
        ),
        (lambda: image_pyramid(torch.zeros(4, 4), [1]), ValueError, r"must have shape \(C, H, W\)"),
        (lambda: image_pyramid(torch.zeros(1, 4, 4), [0]), ValueError, "scales must be positive"),
        (lambda: image_pyramid([[0]], [1]), TypeError, "image must be a Tensor, got list"),
        (lambda: image_pyramid(torch.zeros(1, 4, 4).byte(), [1]), ValueError, "dtype float32"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()

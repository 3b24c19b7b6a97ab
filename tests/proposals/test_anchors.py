import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from conftest import torchvision_ops
from edudet.boxes import box_area, box_convert
from edudet.cases.proposals.anchors import CASES, COUNTS, MISTAKES, MISTAKES_WITH_SHAPES, SHAPES
from edudet.proposals import AnchorGenerator, generate_anchors, grid_anchors
from edudet.proposals.anchors import IMPLEMENTATIONS, IMPLEMENTATIONS_OF_GENERATE_ANCHORS

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


@pytest.fixture(params=IMPLEMENTATIONS)
def grid(request):
    return IMPLEMENTATIONS[request.param]


@pytest.fixture(params=IMPLEMENTATIONS_OF_GENERATE_ANCHORS)
def generate(request):
    return IMPLEMENTATIONS_OF_GENERATE_ANCHORS[request.param]


def close(got, expected):
    return len(got) == len(expected) and all(
        math.isclose(x, y, abs_tol=1e-5)
        for a, b in zip(got, expected, strict=True)
        for x, y in zip(a, b, strict=True)
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("dtype", DTYPES)
def test_worked_grids(grid, case, dtype):
    base = torch.tensor(case.args[0], dtype=dtype)
    anchors = grid(base, *case.args[1:])
    assert anchors.tolist() == case.expected
    assert anchors.dtype == dtype and anchors.shape == (len(case.expected), 4)


@pytest.mark.parametrize("case", SHAPES, ids=lambda case: case.name)
def test_worked_shapes(generate, case):
    scales, ratios, rounded = case.args
    anchors = generate(scales, ratios, rounded=rounded)
    assert close(anchors.tolist(), case.expected) and anchors.shape == (len(case.expected), 4)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_grids_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


@pytest.mark.parametrize("mistake", MISTAKES_WITH_SHAPES)
def test_worked_shapes_catch(mistake):
    wrong = MISTAKES_WITH_SHAPES[mistake]
    assert any(not close(wrong(*case.args), case.expected) for case in SHAPES), "no case bites"


@pytest.mark.parametrize("case", COUNTS, ids=lambda case: case.name)
def test_counts(case):
    grids, per_cell = case.args
    base = torch.zeros(per_cell, 4)
    assert sum(len(grid_anchors(base, grid, 8)) for grid in grids) == case.expected


@settings(deadline=None, max_examples=40)
@given(
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
    st.tuples(st.integers(1, 40), st.floats(0.5, 40)),
    st.sampled_from([0.0, 0.25, 0.5]),
    st.lists(st.floats(1, 600), max_size=3),
    st.lists(st.floats(0.1, 10), max_size=3),
    st.booleans(),
)
def test_forms_agree(grid_size, stride, offset, scales, ratios, rounded):
    loop, vectorized = (
        form(scales, ratios, rounded=rounded)
        for form in IMPLEMENTATIONS_OF_GENERATE_ANCHORS.values()
    )
    assert torch.equal(loop, vectorized)
    loop, vectorized = (
        form(vectorized, grid_size, stride, offset) for form in IMPLEMENTATIONS.values()
    )
    assert torch.equal(loop, vectorized)


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_of_shapes(dtype):
    loop, vectorized = (
        form([30, 50], [0.3, 1, 3], dtype) for form in IMPLEMENTATIONS_OF_GENERATE_ANCHORS.values()
    )
    assert torch.equal(loop, vectorized) and loop.dtype == dtype


@given(st.floats(1, 1000), st.floats(0.1, 10))
@settings(deadline=None, max_examples=40)
def test_a_ratio_changes_the_shape_and_not_the_area(scale, ratio):
    anchor = generate_anchors([scale], [ratio], torch.float64, rounded=False)
    cx, cy, width, height = box_convert(anchor, "xyxy", "cxcywh")[0].tolist()
    assert math.isclose(height / width, ratio, rel_tol=1e-9) and cx == cy == 0
    assert math.isclose(box_area(anchor).item(), scale**2, rel_tol=1e-9)


def test_an_object_one_stride_further_meets_the_same_anchors_one_cell_further(grid):
    anchors = grid(generate_anchors([32, 64]), (4, 5), (8, 16), 0.5).reshape(4, 5, 6, 4)
    one_stride = torch.tensor([16, 8, 16, 8])
    assert torch.equal(anchors[1:, 1:], anchors[:-1, :-1] + one_stride)


def test_half_an_offset_centres_the_grid_on_the_image():
    base = generate_anchors([32])
    middle = {
        offset: box_convert(grid_anchors(base, (15, 20), 32, offset), "xyxy", "cxcywh").mean(0)[:2]
        for offset in (0.0, 0.5)
    }
    assert middle[0.5].tolist() == [320, 240]  # of an image of 640 x 480
    assert middle[0.0].tolist() == [320 - 16, 240 - 16]


def test_gradient_flows_to_the_shapes(grid):
    base = generate_anchors([8.0], dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda b: grid(b, (2, 3), 8, 0.5), base)
    empty = grid(base, (0, 3), 8)
    empty.sum().backward()
    assert base.grad.tolist() == [[0] * 4] * 3


def pyramid(dtype=torch.float32):
    return [torch.zeros(1, 1, h, w, dtype=dtype) for h, w in ((25, 34), (13, 17), (7, 9))]


SIZES = ((32,), (64, 90.5), (128,))


@pytest.mark.parametrize("ratios", [(0.5, 1.0, 2.0), ((1.0,), (0.3, 1.7), (2.0, 3.0, 0.77))])
def test_torchvision_agrees_bit_for_bit(ratios):
    torchvision_ops()
    from torchvision.models.detection.anchor_utils import AnchorGenerator as Peer
    from torchvision.models.detection.image_list import ImageList

    each = ratios if isinstance(ratios[0], tuple) else (ratios,) * 3
    image, maps = torch.zeros(1, 3, 200, 272), pyramid()
    (expected,) = Peer(SIZES, each)(ImageList(image, [(200, 272)]), maps)
    generator = AnchorGenerator(SIZES, ratios)
    assert torch.equal(torch.cat(generator((200, 272), maps)), expected)
    assert generator.num_anchors_per_location() == Peer(SIZES, each).num_anchors_per_location()


def test_levels():
    generator = AnchorGenerator((32, 64, 128), strides=(8, 16, (32, 30)), offset=0.5)
    levels = generator((200, 272), pyramid())
    assert [len(anchors) for anchors in levels] == [25 * 34 * 3, 13 * 17 * 3, 7 * 9 * 3]
    expected = grid_anchors(generate_anchors([128]), (7, 9), (32, 30), 0.5)
    assert torch.equal(levels[2], expected)


def test_dtypes_of_levels():
    generator = AnchorGenerator((32, 64, 128))
    for dtype in DTYPES:
        levels = generator((200, 272), pyramid(dtype))
        expected = torch.float64 if dtype == torch.float64 else torch.float32
        assert all(anchors.dtype == expected for anchors in levels)


def test_compiles():
    base = generate_anchors([32, 64])
    compiled = torch.compile(grid_anchors, fullgraph=True)
    assert_close(compiled(base, (4, 5), 8, 0.5), grid_anchors(base, (4, 5), 8, 0.5))


BASE = torch.zeros(1, 4)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: generate_anchors(32), TypeError, "scales must be a list of numbers, got 32"),
        (lambda: generate_anchors([0]), ValueError, "scales must be positive and finite, got 0"),
        (lambda: generate_anchors([8], ["1"]), TypeError, "aspect_ratios must be a number"),
        (lambda: generate_anchors([8], [math.inf]), ValueError, "aspect_ratios must be positive"),
        (lambda: generate_anchors([8], dtype=torch.int64), ValueError, "dtype must be a float"),
        (lambda: generate_anchors([8], rounded=1), TypeError, "rounded must be a bool, got 1"),
        (lambda: grid_anchors([[0]], (2, 2), 8), TypeError, "base_anchors must be a Tensor"),
        (lambda: grid_anchors(BASE[0], (2, 2), 8), ValueError, r"must have shape \(N, 4\)"),
        (lambda: grid_anchors(BASE.int(), (2, 2), 8), ValueError, "base_anchors must have dtype"),
        (lambda: grid_anchors(BASE, 2, 8), TypeError, r"grid_size must be a pair .* got 2"),
        (lambda: grid_anchors(BASE, (2, 2.5), 8), TypeError, "grid_size must be an int, got 2.5"),
        (lambda: grid_anchors(BASE, (2, -1), 8), ValueError, r"at least 0, got \(2, -1\)"),
        (lambda: grid_anchors(BASE, (2, 2), 0), ValueError, "stride must be positive"),
        (lambda: grid_anchors(BASE, (2, 2), (8, 8, 8)), TypeError, "stride must be a number or a"),
        (lambda: grid_anchors(BASE, (2, 2), 8, 1.5), ValueError, r"offset must lie in \[0, 1\]"),
        (lambda: AnchorGenerator(SIZES, ((1,), (2,))), ValueError, "aspect_ratios must have one"),
        (lambda: AnchorGenerator(SIZES, strides=(8, 16)), ValueError, "strides must have one"),
        (lambda: AnchorGenerator(32), TypeError, "sizes must be a list, got 32"),
        (
            lambda: AnchorGenerator((8,))((4, 4), [[0]]),
            TypeError,
            r"feature_maps\[0\] must be a Tensor, got list",
        ),
        (lambda: AnchorGenerator((8,))((4.5, 4), [BASE]), TypeError, "image_size must be an int"),
        (
            lambda: AnchorGenerator(SIZES)((200, 272), pyramid()[:2]),
            ValueError,
            "feature_maps must have one entry for each of the 3 levels of sizes, got 2",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()

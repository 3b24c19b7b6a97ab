import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import torchvision_ops
from edudet.boxes import clip_boxes_to_image
from edudet.cases.boxes.clip import CASES, MISTAKES

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.int64]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("dtype", DTYPES)
def test_worked_examples(case, dtype):
    boxes = torch.tensor(case.args[0], dtype=dtype).reshape(-1, 4)
    clipped = clip_boxes_to_image(boxes, case.args[1])
    assert clipped.tolist() == case.expected
    assert clipped.dtype == dtype and clipped.shape == boxes.shape


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


def random_boxes(seed, n=30):
    boxes = torch.rand(n, 4, generator=torch.Generator().manual_seed(seed)) * 60 - 20
    boxes[:, 2:] = boxes[:, 2:].maximum(boxes[:, :2])
    return boxes


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**31), st.integers(1, 40), st.integers(1, 40))
def test_twice_is_once_and_order_is_kept(seed, height, width):
    boxes = random_boxes(seed)
    clipped = clip_boxes_to_image(boxes, (height, width))
    assert torch.equal(clip_boxes_to_image(clipped, (height, width)), clipped)
    assert (clipped[:, 2:] >= clipped[:, :2]).all() and (clipped >= 0).all()
    assert (clipped[:, 2] <= width).all() and (clipped[:, 3] <= height).all()


def test_torchvision_agrees():
    ops = torchvision_ops()
    boxes = random_boxes(0)
    for size in ((20, 30), (7, 5)):
        got, expected = (f(boxes, size) for f in (clip_boxes_to_image, ops.clip_boxes_to_image))
        assert torch.equal(got, expected)


def test_shapes_and_gradient():
    boxes = random_boxes(1, 6).double().reshape(2, 3, 4)
    assert clip_boxes_to_image(boxes.transpose(0, 1), (9, 9)).shape == (3, 2, 4)
    assert clip_boxes_to_image(torch.zeros(0, 4), (9, 9)).shape == (0, 4)
    assert clip_boxes_to_image(boxes[0, 0], 9).shape == (4,)
    assert torch.autograd.gradcheck(
        lambda b: clip_boxes_to_image(b, (11, 12)), boxes.requires_grad_()
    )
    one = torch.tensor([[-1.0, 2, 3, 9]], requires_grad=True)
    clip_boxes_to_image(one, (4, 8)).sum().backward()
    assert one.grad.tolist() == [[0, 1, 1, 0]]


def ways_to_differentiate(function, boxes):
    """The gradient of the sum: backward, forward, through torch.func, and compiled."""
    leaf = boxes.clone().requires_grad_()
    yield torch.autograd.grad(function(leaf).sum(), leaf)[0]
    units = torch.eye(boxes.numel()).reshape(-1, *boxes.shape).to(boxes)
    slopes = [torch.func.jvp(lambda b: function(b).sum(), (boxes,), (unit,))[1] for unit in units]
    yield torch.stack(slopes).reshape(boxes.shape)
    yield torch.func.grad(lambda b: function(b).sum())(boxes)
    yield torch.vmap(torch.func.grad(lambda b: function(b).sum()))(boxes)
    yield torch.func.grad(lambda b: torch.vmap(function)(b).sum())(boxes)
    compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
    yield torch.autograd.grad(compiled(leaf).sum(), leaf)[0]


def test_on_the_border_the_gradient_flows():
    """Such a coordinate is not cut off. The same on every release of torch."""
    boxes = torch.tensor([
        [0.0, 0, 8, 4], [-1, 0, 9, 4], [8, 4, 8, 4], [0, 0, 0, 0], [8.5, -0.5, 7, 4.5],
    ])  # fmt: skip
    expected = torch.tensor([
        [1.0, 1, 1, 1], [0, 1, 0, 1], [1, 1, 1, 1], [1, 1, 1, 1], [0, 0, 1, 0],
    ])  # fmt: skip
    for got in ways_to_differentiate(lambda b: clip_boxes_to_image(b, (4, 8)), boxes):
        assert torch.equal(got, expected)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31), st.sampled_from([d for d in DTYPES if d.is_floating_point]))
def test_the_numbers_are_the_same_with_and_without_a_gradient(seed, dtype):
    boxes = random_boxes(seed).round().to(dtype)
    boxes[0] = torch.tensor([-math.inf, math.nan, math.inf, -0.0])
    clipped = clip_boxes_to_image(boxes, (13, 17))
    differentiable = clip_boxes_to_image(boxes.requires_grad_(), (13, 17)).detach()
    torch.testing.assert_close(differentiable, clipped, rtol=0, atol=0, equal_nan=True)


def test_an_image_larger_than_the_numbers_of_the_dtype():
    boxes = torch.tensor([[0, 0, 255, 200]], dtype=torch.uint8)
    assert torch.equal(clip_boxes_to_image(boxes, (300, 100_000)), boxes)
    halves = torch.tensor([[0.0, 0, 65504, 200]], dtype=torch.float16)
    assert torch.equal(clip_boxes_to_image(halves, (300, 100_000)), halves)


def test_infinite_boxes_are_cut_and_nan_is_kept():
    boxes = torch.tensor([[-math.inf, -math.inf, math.inf, math.inf], [math.nan, 0, 1, 1]])
    clipped = clip_boxes_to_image(boxes, (4, 8))
    assert clipped[0].tolist() == [0, 0, 8, 4] and math.isnan(clipped[1, 0])


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (([[0, 0, 1, 1]], (4, 4)), TypeError, "clip_boxes_to_image: boxes must be a Tensor"),
        ((torch.zeros(4, 2), (4, 4)), ValueError, r"must have shape \(\.\.\., 4\), got \(4, 2\)"),
        ((torch.zeros(1, 4), (4, 4, 3)), TypeError, r"size must be an int or a pair .* got \(4, 4"),
        ((torch.zeros(1, 4), (4.5, 4)), TypeError, "size must be an int or a pair"),
        ((torch.zeros(1, 4), (0, 4)), ValueError, r"size must be at least 1, got \(0, 4\)"),
        ((torch.zeros(1, 4).bool(), (4, 4)), ValueError, "boxes must have dtype .* got bool"),
    ],
)
def test_errors(args, error, message):
    with pytest.raises(error, match=message):
        clip_boxes_to_image(*args)

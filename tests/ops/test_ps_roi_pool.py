import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from conftest import torchvision_ops
from edudet import check
from edudet.cases.ops.ps_roi_pool import CASES, MISTAKES
from edudet.ops import ps_roi_pool
from edudet.ops.ps_roi_pool import IMPLEMENTATIONS, ps_roi_pool_loop, ps_roi_pool_vectorized
from inputs import random_map, random_rois


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


def results(form, feature_map, *args):
    """The value and the gradient."""
    feature_map = feature_map.detach().clone().requires_grad_()
    out = form(feature_map, *args)
    weights = random_map(*out.shape, seed=9).to(out)
    (gradient,) = torch.autograd.grad(out, feature_map, weights)
    return out.detach(), gradient


def same(got, expected, tolerance=1e-5):
    """Both are sums: up to the order of additions."""
    for a, b in zip(got, expected, strict=True):
        assert_close(a.cpu(), b, rtol=tolerance, atol=tolerance, equal_nan=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    feature_map, boxes, size, scale = case.args
    boxes = torch.tensor(boxes, dtype=torch.float32, device=device).reshape(-1, 5)
    feature_map = torch.tensor(feature_map, dtype=torch.float32, device=device)
    classes = feature_map.shape[1] // math.prod(size)
    expected = torch.tensor(case.expected).reshape(len(boxes), classes, *size).float()
    out = form(feature_map, boxes, size, scale)
    assert torch.equal(out.cpu(), expected) and out.is_contiguous()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


OPTIONS = [((1, 1), 1.0), ((2, 3), 0.5), (3, 0.7), ((9, 8), 1.3)]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize(("k", "classes"), [(0, 3), (1, 1), (5, 2)])
def test_forms_agree_with_the_loop(device, k, classes, options):
    bins = math.prod(check.pair(options[0]))
    feature_map = random_map(2, classes * bins, 9, 13, seed=k)
    rois = random_rois(k, 2, 9 / options[1], 13 / options[1], seed=k)
    expected = results(ps_roi_pool_loop, feature_map, rois, *options)
    got = results(ps_roi_pool_vectorized, feature_map.to(device), rois.to(device), *options)
    same(got, expected)


coordinates = st.sampled_from(
    [-1e4, -7.0, -2.5, -1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 1.5, 2.5, 3.0, 4.0, 4.5, 5.0, 6.5, 1e4]
)
box = st.tuples(coordinates, coordinates, coordinates, coordinates).map(
    lambda c: [min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3])]
)
cell = st.sampled_from([-math.inf, -2.0, -1.0, 0.0, 1.0, 2.0, math.inf, math.nan])


@settings(deadline=None, max_examples=60)
@given(
    boxes=st.lists(st.lists(box, max_size=3), min_size=2, max_size=2),
    size=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    shape=st.tuples(st.integers(0, 2), st.integers(1, 5), st.integers(1, 5)),
    scale=st.sampled_from([1.0, 0.25, 1 / 3]),
    data=st.data(),
)
def test_forms_agree_on_anything(boxes, size, shape, scale, data):
    """What is not finite stays in the bins that have it."""
    classes, height, width = shape
    values = data.draw(st.lists(cell, min_size=height * width, max_size=height * width))
    plane = torch.tensor(values, dtype=torch.float64).reshape(height, width)
    channels = torch.arange(2 * classes * math.prod(size)).reshape(2, -1, 1, 1)
    feature_map = plane + channels
    boxes = [torch.tensor(b, dtype=torch.float64).reshape(-1, 4) for b in boxes]
    expected = results(ps_roi_pool_loop, feature_map, boxes, size, scale)
    same(results(ps_roi_pool_vectorized, feature_map, boxes, size, scale), expected)


@pytest.mark.parametrize("options", OPTIONS[:3], ids=str)
def test_torchvision_agrees(options):
    ops = torchvision_ops()
    feature_map = random_map(2, 4 * math.prod(check.pair(options[0])), 9, 13)
    rois = random_rois(30, 2, 9 / options[1], 13 / options[1])
    expected = ops.ps_roi_pool(feature_map, rois, *options)
    assert (expected == 0).any()  # bins without a cell are among them
    assert_close(ps_roi_pool(feature_map, rois, *options), expected)
    # Its gradient is that of its result for boxes that do not reach the last row or column.
    rois[:, 1:] = rois[:, 1:].clamp(min=0)
    rois[:, 3] = rois[:, 3].clamp(max=11 / options[1])
    rois[:, 4] = rois[:, 4].clamp(max=7 / options[1])
    rois[:, 1:3] = torch.minimum(rois[:, 1:3], rois[:, 3:])
    same(
        results(ps_roi_pool, feature_map, rois, *options),
        results(ops.ps_roi_pool, feature_map, rois, *options),
    )


def test_adaptive_average_pooling_agrees():
    """An outside witness that is always there: torch divides a map into bins by the same rule."""
    feature_map = random_map(1, 2 * 15, 23, 31, dtype=torch.float64)
    for x1, y1, x2, y2 in [(0, 0, 30, 22), (3, 2, 20, 9), (5, 6, 6, 7), (4, 4, 17, 22)]:
        roi = torch.tensor([[x1, y1, x2, y2]], dtype=torch.float64)
        every = torch.nn.functional.adaptive_avg_pool2d(feature_map[:, :, y1:y2, x1:x2], (3, 5))
        maps = every.unflatten(1, (2, 3, 5))
        i, j = torch.arange(3)[:, None], torch.arange(5)
        assert_close(ps_roi_pool(feature_map, [roi], (3, 5)), maps[:, :, i, j, i, j])


def test_padding_lets_every_cell_be_read():
    feature_map = random_map(1, 1, 4, 5)
    whole = torch.tensor([[0.0, 0, 5, 4]])
    padded = torch.nn.functional.pad(feature_map, (0, 1, 0, 1))
    assert_close(ps_roi_pool(padded, [whole], 1).flatten(), feature_map.mean().reshape(1))
    inner = feature_map[..., :3, :4].mean().reshape(1)
    assert_close(ps_roi_pool(feature_map, [whole], 1).flatten(), inner)


def test_bins_are_divided_in_integers(form):
    """In float32, 57 / 7 * 7 is a little more than 57: the last bin would read the 58th cell."""
    feature_map = torch.arange(60.0).expand(1, 7, 2, 60)
    out = form(feature_map, [torch.tensor([[0.0, 0, 57, 1]])], (1, 7))
    assert_close(out.flatten()[-1:], torch.arange(48.0, 57).mean().reshape(1))


def test_the_votes_of_a_part_detector():
    """The lesson: only where the parts are in their places do all of the bins agree."""
    feature_map = torch.zeros(1, 4, 9, 9)
    corners = [(2, 2), (2, 4), (4, 2), (4, 4)]
    for part, (y, x) in enumerate(corners):
        feature_map[0, part, y : y + 2, x : x + 2] = 1
    boxes = torch.tensor([[2.0, 2, 6, 6], [4, 2, 8, 6], [4, 4, 8, 8]])
    votes = ps_roi_pool(feature_map, [boxes], 2).mean((2, 3)).flatten()
    assert votes.tolist() == [1, 0, 0]


def test_shifting_map_and_box_changes_nothing(form):
    feature_map = random_map(1, 12, 12, 14)
    rois = torch.tensor([[0, 2.25, 1.5, 7.75, 6.5]])
    moved = rois + rois.new_tensor([0, 3, 2, 3, 2])
    shifted = feature_map.roll((2, 3), (2, 3))
    assert torch.equal(form(shifted, moved, (2, 3)), form(feature_map, rois, (2, 3)))


def test_boxes_as_a_list(form, device):
    feature_map = random_map(3, 8, 8, 8).to(device)
    rois = random_rois(7, 3, 8, 8).to(device)
    rois = rois[rois[:, 0].argsort(stable=True)]
    boxes = [rois[rois[:, 0] == n, 1:] for n in range(3)]
    assert torch.equal(form(feature_map, boxes, 2), form(feature_map, rois, (2, 2)))
    none = form(feature_map, [boxes[0][:0]] * 3, 2)
    assert none.shape == (0, 2, 2, 2)
    assert form(feature_map[:0], [], 2).shape == (0, 2, 2, 2)


@pytest.mark.parametrize("shape", [(2, 12, 4, 5), (2, 0, 4, 5), (2, 12, 0, 5), (0, 12, 4, 5)])
def test_nothing_gives_nothing_and_a_zero_gradient(form, device, shape):
    feature_map = torch.ones(shape, device=device, requires_grad=True)
    out = form(feature_map, torch.empty(0, 5, device=device), (2, 3))
    assert out.shape == (0, shape[1] // 6, 2, 3)
    out.sum().backward()
    assert feature_map.grad.shape == shape and not feature_map.grad.any()


def test_gradient(form, device):
    feature_map = random_map(2, 4, 4, 5, dtype=torch.float64).to(device).requires_grad_()
    rois = random_rois(3, 2, 4, 5, dtype=torch.float64).to(device)
    assert torch.autograd.gradcheck(lambda m: form(m, rois, (2, 1), 0.9), feature_map)


def test_transforms():
    """torch.func asks for the gradient without requires_grad."""
    feature_map, rois = random_map(1, 8, 5, 6), random_rois(3, 1, 5, 6)
    expected = results(ps_roi_pool_loop, feature_map, rois, 2)
    weights = random_map(*expected[0].shape, seed=9)
    gradient = torch.func.grad(lambda m: (ps_roi_pool(m, rois, 2) * weights).sum())(feature_map)
    assert_close(gradient, expected[1])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("same_dtype", [True, False], ids=["rois like the map", "float32 rois"])
def test_half_precision(form, device, dtype, same_dtype):
    feature_map = random_map(2, 12, 9, 13, dtype=dtype).to(device)
    rois = random_rois(5, 2, 9, 13).to(dtype).to(dtype if same_dtype else torch.float32).to(device)
    got = results(form, feature_map, rois, (2, 3), 0.7)
    assert got[0].dtype == got[1].dtype == dtype
    exact = results(ps_roi_pool_loop, feature_map.cpu().double(), rois.cpu().double(), (2, 3), 0.7)
    eps = torch.finfo(dtype).eps
    assert_close(got[0].cpu().double(), exact[0], rtol=eps, atol=eps)
    assert_close(got[1].cpu().double(), exact[1], rtol=4 * eps, atol=4 * eps)


def test_any_strides(form):
    feature_map, rois = random_map(2, 8, 6, 7), random_rois(5, 2, 6, 7)
    expected = results(form, feature_map, rois, 2)
    for variant in (
        feature_map.contiguous(memory_format=torch.channels_last),
        feature_map.transpose(2, 3).contiguous().transpose(2, 3),
        torch.stack([feature_map, feature_map], -1)[..., 0],
    ):
        same(results(form, variant, rois, 2), expected)


def test_a_bad_box_is_nan_where_nobody_looks(device):
    if device == "cpu":
        pytest.skip("on the CPU a bad box is an error")
    rois = torch.tensor([[0, 0, 0, 2, 2], [0, math.nan, 0, 2, 2], [5, 0, 0, 2, 2]], device=device)
    out = ps_roi_pool(torch.ones(1, 4, 5, 5, device=device), rois, 2)
    assert out[0].eq(1).all() and out[1:].isnan().all()


MAP, BOX = torch.ones(1, 4, 5, 6), torch.tensor([[0.0, 0, 0, 2, 2]])


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (([1], BOX, 2), TypeError, "ps_roi_pool: input must be a Tensor, got list"),
        ((MAP[0], BOX, 2), ValueError, r"input must have shape \(N, C, H, W\), got \(4, 5, 6\)"),
        ((MAP, BOX[0], 2), ValueError, r"boxes must have shape \(K, 5\), got \(5,\)"),
        ((MAP, BOX.double(), 2), ValueError, "boxes must have the dtype of input"),
        ((MAP, BOX, 2.0), TypeError, "output_size must be an int or a pair"),
        ((MAP, BOX, 0), ValueError, "output_size must be at least 1, got 0"),
        ((MAP, BOX, 3), ValueError, "input must have a multiple of 9 channels, one .* got 4"),
        ((MAP, BOX, 2, 0), ValueError, "spatial_scale must be positive and finite, got 0"),
        ((MAP, BOX + 1, 2), ValueError, r"boxes\[0\] must have an image index in 0, ..., 0, got 1"),
        ((MAP, -BOX, 2), ValueError, r"boxes\[0\] must have x1 <= x2 and y1 <= y2"),
        (
            (MAP, torch.tensor([[0, math.nan, 0, 2, 2]]), 2),
            ValueError,
            r"boxes\[0\] must be finite",
        ),
        ((MAP, BOX, 2, 1e12), ValueError, r"boxes\[0\] must stay within 1073741824 cells"),
        ((MAP, [-BOX[:, 1:]], 2), ValueError, r"boxes\[0\]\[0\] must have x1 <= x2"),
        ((MAP, BOX.clone().requires_grad_(), 2), ValueError, "boxes must not require a gradient"),
        ((MAP[:, :, :0], BOX, 2), ValueError, "input must have a height and a width of at least 1"),
    ],
)
def test_errors(args, error, message):
    with pytest.raises(error, match=message):
        ps_roi_pool(*args)

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from conftest import form_of, forms, name_of, require, require_native, torchvision_ops
from edudet import emulator, native
from edudet.cases.ops.roi_align import CASES, CASES_OF_BACKWARD, MISTAKES, MISTAKES_OF_BACKWARD
from edudet.ops import roi_align
from edudet.ops.roi_align import (
    IMPLEMENTATIONS,
    bilinear_taps,
    roi_align_loop,
    roi_align_native,
    sample_points,
)
from inputs import random_map, random_rois


@pytest.fixture(params=forms(IMPLEMENTATIONS))
def form(request, device):
    return form_of(IMPLEMENTATIONS, request.param, "roi_align", device)


@pytest.fixture(params=[1, 2])
def kernel(request, device):
    name = "native" if device == "cuda" else "emulated"
    form = form_of(IMPLEMENTATIONS, name, "roi_align", device)
    return lambda *args: form(*args, kernel=request.param)


def value_and_gradient(form, feature_map, *args):
    feature_map = feature_map.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    out = form(feature_map, *args)
    weights = random_map(*out.shape, seed=9).to(out)
    (gradient,) = torch.autograd.grad(out, feature_map, weights)
    return out.detach(), gradient


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    feature_map, boxes, *rest = case.args
    boxes = torch.tensor(boxes, dtype=torch.float32, device=device).reshape(-1, 5)
    feature_map = torch.tensor(feature_map, dtype=torch.float32, device=device)
    expected = torch.tensor(case.expected).reshape(len(boxes), feature_map.shape[1], *rest[0])
    assert_close(form(feature_map, boxes, *rest).cpu(), expected, rtol=2e-7, atol=0)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    def differs(case):
        got, expected = np.array(MISTAKES[mistake](*case.args)), np.array(case.expected)
        return got.shape != expected.shape or not np.allclose(got, expected)

    assert any(differs(case) for case in CASES), "no case bites"


@pytest.mark.parametrize("case", CASES_OF_BACKWARD, ids=lambda case: case.name)
def test_worked_examples_of_the_gradient(form, device, case):
    grad, boxes, shape, spatial_scale, sampling_ratio = case.args
    boxes = torch.tensor(boxes, dtype=torch.float32, device=device).reshape(-1, 5)
    grad = torch.tensor(grad, dtype=torch.float32, device=device)
    size = grad.shape[2:] if len(boxes) else (1, 1)
    feature_map = torch.zeros(shape, device=device, requires_grad=True)
    out = form(feature_map, boxes, size, spatial_scale, sampling_ratio, True)
    (got,) = torch.autograd.grad(out, feature_map, grad.reshape(out.shape))
    assert_close(got.cpu(), torch.tensor(case.expected).float(), rtol=2e-7, atol=0)


@pytest.mark.parametrize("mistake", MISTAKES_OF_BACKWARD)
def test_worked_examples_of_the_gradient_catch(mistake):
    def differs(case):
        return not np.allclose(MISTAKES_OF_BACKWARD[mistake](*case.args), case.expected)

    assert any(differs(case) for case in CASES_OF_BACKWARD), "no case bites"


OPTIONS = [
    ((1, 1), 1.0, 2, True),
    ((2, 3), 0.5, -1, True),
    ((3, 2), 0.7, -1, False),
    (4, 1.0, 1, False),
    ((9, 8), 1.3, 3, True),  # more bins than a block of threads serves at a time
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize(("k", "channels"), [(0, 3), (1, 1), (5, 2), (3, 35)])
def test_forms_agree_with_the_loop(form, device, k, channels, options):
    feature_map = random_map(2, channels, 9, 13, seed=k)
    rois = random_rois(k, 2, 9 / options[1], 13 / options[1], seed=k)
    expected = value_and_gradient(roi_align_loop, feature_map, rois, *options)
    got = value_and_gradient(form, feature_map.to(device), rois.to(device), *options)
    for a, b in zip(got, expected, strict=True):
        assert_close(a.cpu(), b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_kernels_of_the_ladder_agree(kernel, device, dtype, layout, options):
    feature_map = random_map(2, 40, 19, 11, dtype=dtype).contiguous(memory_format=layout)
    rois = random_rois(6, 2, 19 / options[1], 11 / options[1], dtype=dtype)
    expected = value_and_gradient(IMPLEMENTATIONS["vectorized"], feature_map, rois, *options)
    got = value_and_gradient(kernel, feature_map.to(device), rois.to(device), *options)
    for a, b in zip(got, expected, strict=True):
        assert_close(a.cpu(), b, rtol=1e-5, atol=1e-5)


coordinates = st.sampled_from(
    [-1e4, -7.0, -1.5, -1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 1.75, 2.0, 3.0, 4.0, 4.5, 5.0, 6.5, 1e4]
)
box = st.tuples(coordinates, coordinates, coordinates, coordinates).map(
    lambda c: [min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3])]
)


@settings(deadline=None, max_examples=60)
@given(
    boxes=st.lists(st.lists(box, max_size=3), min_size=2, max_size=2),
    size=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    shape=st.tuples(st.integers(0, 3), st.integers(1, 5), st.integers(1, 5)),
    scale=st.sampled_from([1.0, 0.25, 1 / 3]),
    ratio=st.sampled_from([1, 2]),
    aligned=st.booleans(),
)
def test_forms_agree_on_anything(boxes, size, shape, scale, ratio, aligned):
    feature_map = random_map(2, *shape, dtype=torch.float64)
    boxes = [torch.tensor(b, dtype=torch.float64).reshape(-1, 4) for b in boxes]
    args = (boxes, size, scale, ratio, aligned)
    expected = value_and_gradient(roi_align_loop, feature_map, *args)
    names = ["vectorized"] + ["native"] * (native.missing("cpu") is None)
    for name in names:
        got = value_and_gradient(IMPLEMENTATIONS[name], feature_map, *args)
        for a, b in zip(got, expected, strict=True):
            assert_close(a, b)


def test_every_walk_of_the_native_kernel():
    """Channels in slices of 64, 16 and what is left, planes, and channels_last, each way."""
    form = form_of(IMPLEMENTATIONS, "native", "roi_align", "cpu")
    for k, channels, height, width in [(40, 70, 6, 7), (1, 19, 40, 50), (60, 17, 100, 90)]:
        rois = random_rois(k, 2, height, width, dtype=torch.float64)
        feature_map = random_map(2, channels, height, width, dtype=torch.float64)
        args = (rois, (3, 2), 1.0, 2, True)
        expected = value_and_gradient(IMPLEMENTATIONS["vectorized"], feature_map, *args)
        wide = torch.cat([feature_map, feature_map], 3)[..., ::2]
        strided = random_map(2, channels, height, 2 * width, dtype=torch.float64)[..., ::2]
        assert not wide.is_contiguous()
        strided.copy_(feature_map)
        for variant in (
            feature_map,
            feature_map.contiguous(memory_format=torch.channels_last),
            strided,
            feature_map.permute(1, 0, 3, 2).contiguous().permute(1, 0, 3, 2),
        ):
            for a, b in zip(value_and_gradient(form, variant, *args), expected, strict=True):
                assert_close(a, b)


def test_layout_of_the_result(form, device):
    feature_map = random_map(2, 3, 5, 6).to(device)
    rois = random_rois(4, 2, 5, 6).to(device)
    assert form(feature_map, rois, (2, 3)).is_contiguous()
    last = feature_map.contiguous(memory_format=torch.channels_last)
    out, gradient = value_and_gradient(form, last, rois, (2, 3))
    if form is not roi_align_loop:
        assert out.is_contiguous(memory_format=torch.channels_last)
    if form not in (roi_align_loop, IMPLEMENTATIONS["vectorized"]):
        assert gradient.is_contiguous(memory_format=torch.channels_last)
    assert_close(out, form(feature_map, rois, (2, 3)))


def test_expanded_gradient(form, device):
    feature_map = random_map(1, 2, 5, 6).to(device).requires_grad_()
    rois = random_rois(4, 1, 5, 6).to(device)
    form(feature_map, rois, 2, 1.0, 2).sum().backward()  # one number, with strides of 0
    expected = feature_map.detach().cpu().requires_grad_()
    roi_align_loop(expected, rois.cpu(), 2, 1.0, 2).sum().backward()
    assert_close(feature_map.grad.cpu(), expected.grad)


def test_boxes_as_a_list(form, device):
    feature_map = random_map(3, 2, 8, 8).to(device)
    rois = random_rois(7, 3, 8, 8).to(device)
    rois = rois[rois[:, 0].argsort(stable=True)]
    boxes = [rois[rois[:, 0] == n, 1:] for n in range(3)]
    assert_close(form(feature_map, boxes, 2), form(feature_map, rois, (2, 2)))
    none = form(feature_map, [boxes[0][:0]] * 3, 2)
    assert none.shape == (0, 2, 2, 2)
    assert form(feature_map[:0], [], 2).shape == (0, 2, 2, 2)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 0, 4, 5), (2, 3, 0, 5), (0, 3, 4, 5)])
def test_nothing_gives_nothing_and_a_zero_gradient(form, device, shape):
    feature_map = torch.ones(shape, device=device, requires_grad=True)
    out = form(feature_map, torch.empty(0, 5, device=device), (2, 3))
    assert out.shape == (0, shape[1], 2, 3)
    out.sum().backward()
    assert feature_map.grad.shape == shape and not feature_map.grad.any()


def test_no_channels(form, device):
    feature_map = torch.ones(1, 0, 4, 5, device=device, requires_grad=True)
    out = form(feature_map, random_rois(3, 1, 4, 5).to(device), 2)
    assert out.shape == (3, 0, 2, 2)
    out.sum().backward()
    assert feature_map.grad.shape == (1, 0, 4, 5)


def test_nothing_is_done_for_nothing():
    """Bins by the million million: no scratch memory, no loop over them."""
    form = form_of(IMPLEMENTATIONS, "native", "roi_align", "cpu")
    size = (1 << 20, 1 << 20)
    feature_map = torch.ones(1, 2, 4, 5, requires_grad=True)
    out = form(feature_map, torch.empty(0, 5), size)
    out.sum().backward()
    assert out.shape == (0, 2, *size) and not feature_map.grad.any()
    assert form(torch.ones(1, 0, 4, 5), random_rois(3, 1, 4, 5), size).shape == (3, 0, *size)


def test_constant_map(form, device):
    feature_map = torch.full((1, 2, 9, 9), 3.0, device=device)
    rois = torch.tensor([[0, 0.3, 1.2, 8.1, 7.9], [0, 2, 2, 2.5, 2.5]], device=device)
    for ratio in (-1, 1, 3):
        out = form(feature_map, rois, (2, 5), 1.0, ratio, True)
        assert_close(out, torch.full_like(out, 3.0))


def test_linear_ramp_gives_the_centre_of_the_bin(form, device):
    y, x = torch.meshgrid(torch.arange(20.0), torch.arange(30.0), indexing="ij")
    ramp = torch.stack([x + 0.5, y + 0.5])[None].to(device)  # the centre of each cell
    roi = torch.tensor([[0, 4.2, 3.1, 25.4, 15.7]], device=device)
    out = form(ramp, roi, (3, 4), 1.0, -1, True)[0].cpu()
    assert_close(out[0, 0], 4.2 + 21.2 / 4 * torch.arange(0.5, 4))
    assert_close(out[1, :, 0], 3.1 + 12.6 / 3 * torch.arange(0.5, 3))


@pytest.mark.parametrize("aligned", [False, True])
def test_shifting_map_and_box_changes_nothing(form, device, aligned):
    feature_map = random_map(1, 2, 12, 14).to(device)
    rois = torch.tensor([[0, 3.25, 2.5, 8.75, 7.5]], device=device)
    shifted = feature_map.roll((2, 3), (2, 3))
    rest = ((2, 3), 1.0, 2, aligned)
    assert_close(
        form(shifted, rois + rois.new_tensor([0, 3, 2, 3, 2]), *rest),
        form(feature_map, rois, *rest),
    )


def test_exchanging_axes(form, device):
    feature_map = random_map(1, 2, 7, 9).to(device)
    rois = random_rois(5, 1, 7, 9).to(device)
    out = form(feature_map, rois, (2, 3), 0.8, -1, True)
    turned = form(feature_map.transpose(2, 3), rois[:, [0, 2, 1, 4, 3]], (3, 2), 0.8, -1, True)
    assert_close(turned.transpose(2, 3), out)


def test_sample_points_are_where_the_map_is_read():
    roi = torch.tensor([2.0, 4, 10, 8])
    points = sample_points(roi, (1, 2), 0.5, 2, True)
    assert points.shape == (1, 2, 2, 2, 2)
    assert points[0, 0, 0].tolist() == [[1.0, 2.0], [2.0, 2.0]]
    assert points[0, 1, 1, 1].tolist() == [4.0, 3.0]
    assert sample_points(roi, 3, 1.0, -1, True).shape == (3, 3, 2, 3, 2)
    taps = bilinear_taps(1.25, 2.5, 4, 4)
    assert taps == [(2, 1, 0.375), (2, 2, 0.125), (3, 1, 0.375), (3, 2, 0.125)]
    assert bilinear_taps(-1.1, 0, 4, 4) == []


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("ratio", [-1, 2])
def test_gradient(form, device, ratio, aligned):
    feature_map = random_map(2, 2, 4, 5, dtype=torch.float64).to(device).requires_grad_()
    rois = random_rois(2, 2, 4, 5, dtype=torch.float64).to(device)

    def pooled(feature_map):
        return form(feature_map, rois, (2, 1), 0.9, ratio, aligned)

    assert torch.autograd.gradcheck(pooled, feature_map)
    assert torch.autograd.gradgradcheck(lambda m: pooled(m) ** 2, feature_map)


def test_second_order(form, device):
    """A linear function A: the gradient of |A m|^2 is 2 A'A m, and that of its square follows."""
    feature_map = random_map(1, 2, 4, 5).to(device).requires_grad_()
    rois = random_rois(3, 1, 4, 5).to(device)
    out = form(feature_map, rois, 2, 1.0, 2)
    (gradient,) = torch.autograd.grad((out**2).sum(), feature_map, create_graph=True)
    (second,) = torch.autograd.grad((gradient**2).sum(), feature_map)
    pooled = form(gradient.detach(), rois, 2, 1.0, 2)
    again = form(feature_map, rois, 2, 1.0, 2)
    (expected,) = torch.autograd.grad(again, feature_map, 4 * pooled)
    assert second.any()
    assert_close(second, expected)


def test_threads_and_runs_change_nothing():
    form = form_of(IMPLEMENTATIONS, "native", "roi_align", "cpu")
    rois = random_rois(50, 2, 30, 40)
    before = torch.get_num_threads()
    try:
        for feature_map in (random_map(2, 80, 30, 40), random_map(2, 300, 3, 3)):
            results = []
            for threads in (1, 2, 3):
                torch.set_num_threads(threads)
                results.append(value_and_gradient(form, feature_map, rois, 7, 1.0, 2, True))
            for out, gradient in results[1:]:
                assert torch.equal(out, results[0][0]) and torch.equal(gradient, results[0][1])
    finally:
        torch.set_num_threads(before)


def test_tuned_backward_is_deterministic(device):
    """In the emulator: with blocks and threads in any order."""
    feature_map, rois = random_map(1, 40, 20, 20).to(device), random_rois(9, 1, 20, 20).to(device)
    args = (roi_align_native, feature_map, rois, 5, 1.0, 2, True)
    if device == "cuda":
        runs = [value_and_gradient(*args) for _ in range(3)]
    else:
        require(native.missing("emulated"), "native")
        runs = [emulator.run(value_and_gradient, *args, shuffle=seed) for seed in (None, 1, 2)]
    for out, gradient in runs[1:]:
        assert torch.equal(out, runs[0][0]) and torch.equal(gradient, runs[0][1])


def checked(kernel, feature_map, rois, *options):
    require(native.missing("checked"), "native")

    def form(*args):
        return roi_align_native(*args, kernel=kernel)

    return emulator.run(value_and_gradient, form, feature_map, rois, *options, check=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("kernel", [1, 2])
def test_checker_finds_nothing(kernel, layout, dtype):
    feature_map = random_map(2, 35, 9, 13, dtype=dtype).contiguous(memory_format=layout)
    rois = random_rois(4, 2, 9, 13)
    rois[2, 3] = math.nan
    for options in (((3, 2), 1.0, -1, False), ((9, 8), 1.0, 1, True)):
        run = checked(kernel, feature_map, rois, *options)
        assert not run.findings and len(run.launches) == 2


def test_tuned_kernels_coalesce():
    args = (random_map(1, 64, 24, 24), random_rois(2, 1, 24, 24), 7, 1.0, 2, True)
    textbook, tuned = checked(1, *args), checked(2, *args)
    assert any(found.kind == "uncoalesced access" for found in textbook.slow)
    assert not tuned.slow


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_torchvision_agrees(options, layout):
    ops = torchvision_ops()
    feature_map = random_map(2, 20, 9, 13).contiguous(memory_format=layout)
    rois = random_rois(8, 2, 9 / options[1], 13 / options[1])
    expected = value_and_gradient(ops.roi_align, feature_map, rois, *options)
    got = value_and_gradient(roi_align, feature_map, rois, *options)
    for a, b in zip(got, expected, strict=True):
        assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_grid_sample_agrees():
    """An outside witness that is always there: torch's own bilinear interpolation."""
    feature_map = random_map(1, 3, 10, 12, dtype=torch.float64)
    roi = torch.tensor([[0, 1.3, 2.1, 10.2, 8.8]], dtype=torch.float64)
    points = sample_points(roi[0, 1:], (3, 4), 1.0, 2, True)
    grid = (2 * points + 1) / points.new_tensor([12, 10]) - 1
    read = torch.nn.functional.grid_sample(
        feature_map, grid.reshape(1, 12, 4, 2), "bilinear", "border", align_corners=False
    )
    expected = read.mean(-1).reshape(1, 3, 3, 4)
    assert_close(roi_align(feature_map, roi, (3, 4), 1.0, 2, True), expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("same", [True, False], ids=["rois of the map's dtype", "float32 rois"])
def test_half_precision(form, device, dtype, same):
    feature_map = random_map(2, 3, 9, 13, dtype=dtype).to(device)
    rois = random_rois(5, 2, 9, 13).to(dtype).to(dtype if same else torch.float32).to(device)
    args = ((2, 3), 0.7, -1, True)
    got = value_and_gradient(form, feature_map, rois, *args)
    assert got[0].dtype == got[1].dtype == dtype
    exact = value_and_gradient(
        lambda m, r, *a: roi_align_loop(m.double(), r.double(), *a),
        feature_map.cpu(),
        rois.cpu(),
        *args,
    )
    eps = torch.finfo(dtype).eps
    assert_close(got[0].cpu().double(), exact[0], rtol=eps, atol=1e-6)
    assert_close(got[1].cpu().double(), exact[1].double(), rtol=4 * eps, atol=4 * eps)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_sums_are_float32(device, dtype):
    """Summed in 16 bits, the mean of 196 x 196 samples would be off by a factor."""
    form = form_of(IMPLEMENTATIONS, "native", "roi_align", device)
    feature_map = (random_map(1, 1, 196, 196).abs() + 1).to(dtype).to(device)
    roi = torch.tensor([[0, 0, 0, 196, 196]], dtype=torch.float32, device=device)
    for layout in (torch.contiguous_format, torch.channels_last):
        pooled = form(feature_map.contiguous(memory_format=layout), roi, 1, 1.0, -1, True)
        assert_close(pooled.item(), feature_map.double().mean().item(), rtol=5e-3, atol=0)


@pytest.mark.parametrize("ratio", [-1, 2])
def test_compiles(device, ratio):
    require_native("roi_align", device)
    feature_map, rois = random_map(2, 3, 9, 13).to(device), random_rois(5, 2, 9, 13).to(device)

    def pooled(feature_map, rois):
        return roi_align(feature_map * 2, rois, (2, 3), 0.5, ratio, True)

    compiled = torch.compile(pooled, fullgraph=True)
    for layout in (torch.contiguous_format, torch.channels_last):
        args = (feature_map.contiguous(memory_format=layout), rois)
        for a, b in zip(
            value_and_gradient(compiled, *args), value_and_gradient(pooled, *args), strict=True
        ):
            assert_close(a, b)
    boxes = [rois[:2, 1:], rois[2:, 1:]]
    assert_close(compiled(feature_map, boxes), pooled(feature_map, boxes))


def test_compiles_for_any_number_of_boxes():
    require_native("roi_align", "cpu")
    compiled = torch.compile(roi_align, fullgraph=True, dynamic=True)
    feature_map = random_map(1, 2, 9, 13)
    for k in (2, 3, 5):
        rois = random_rois(k, 1, 9, 13)
        assert_close(compiled(feature_map, rois, 2), roi_align(feature_map, rois, 2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_meta(dtype):
    require_native("roi_align", "meta")
    feature_map = torch.zeros(2, 3, 9, 13, device="meta", dtype=dtype, requires_grad=True)
    out = roi_align(feature_map, torch.zeros(5, 5, device="meta", dtype=dtype), (2, 4))
    assert out.shape == (5, 3, 2, 4) and out.dtype == dtype and out.device.type == "meta"
    out.sum().backward()
    assert feature_map.grad.shape == feature_map.shape


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_opcheck(device, dtype):
    require_native("roi_align", device)
    exact = torch.float64 if dtype == torch.float64 else torch.float32
    rois = random_rois(4, 2, 5, 6, dtype=exact).to(device)
    feature_map = random_map(2, 3, 5, 6, dtype=dtype).to(device)
    grad = random_map(4, 3, 2, 3, dtype=dtype).to(device)
    for last in (False, True):
        if last:
            feature_map = feature_map.contiguous(memory_format=torch.channels_last)
        torch.library.opcheck(
            torch.ops.edudet.roi_align.default,
            (feature_map.requires_grad_(), rois, 0.5, 2, 3, 2, True, 0),
        )
        torch.library.opcheck(
            torch.ops.edudet.roi_align_backward.default,
            (grad.requires_grad_(), rois, 0.5, 2, True, 2, 3, 5, 6, last, 0),
        )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_autocast(device, dtype):
    """The result has the map's dtype; boxes that a layer has rounded are welcome."""
    feature_map = random_map(2, 3, 9, 13, dtype=dtype).to(device)
    rois = random_rois(5, 2, 9, 13).bfloat16().to(device)
    expected = roi_align(feature_map, rois.to(dtype), 2)
    with torch.autocast(device, dtype=torch.bfloat16):
        for boxes in (rois, rois.float()):
            out = roi_align(feature_map, boxes, 2)
            assert out.dtype == dtype
            assert_close(out, expected)


def test_no_gradient_of_boxes(form, device):
    feature_map = random_map(1, 2, 5, 5).to(device)
    rois = random_rois(2, 1, 5, 5).to(device).requires_grad_()
    for boxes in (rois, [rois[:, 1:]]):
        with pytest.raises(ValueError, match=r"boxes must not require a gradient.*detach"):
            form(feature_map, boxes, 2)
    with torch.no_grad():
        assert form(feature_map, rois, 2).shape == (2, 2, 2, 2)


def test_operator_refuses_a_gradient_of_boxes():
    require_native("roi_align", "cpu")
    rois = random_rois(2, 1, 5, 5).requires_grad_()
    out = torch.ops.edudet.roi_align(random_map(1, 2, 5, 5), rois, 1.0, 2, 2, 2, False, 0)
    with pytest.raises(RuntimeError, match="no gradient flows to boxes"):
        out.sum().backward()


def test_forward_mode():
    feature_map, direction = random_map(1, 2, 5, 5), random_map(1, 2, 5, 5, seed=1)
    rois = random_rois(2, 1, 5, 5)
    _, slope = torch.func.jvp(lambda m: roi_align(m, rois, 2), (feature_map,), (direction,))
    assert_close(slope, roi_align(direction, rois, 2))  # linear
    with pytest.raises(ValueError, match="boxes must not require a gradient"):
        torch.func.jvp(lambda r: roi_align(feature_map, r, 2), (rois,), (rois,))
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(feature_map, direction)
        with pytest.raises(RuntimeError, match="no forward-mode derivative"):
            form_of(IMPLEMENTATIONS, "native", "roi_align", "cpu")(dual, rois, 2)


MAP = torch.ones(2, 3, 4, 5)
ROIS = torch.tensor([[0.0, 0, 0, 2, 2]])
BAD_STRUCTURE = [
    ((MAP.tolist(), ROIS, 2), TypeError, "roi_align: input must be a Tensor, got list"),
    ((MAP[0], ROIS, 2), ValueError, r"input must have shape \(N, C, H, W\), got \(3, 4, 5\)"),
    ((MAP.int(), ROIS, 2), ValueError, "input must have dtype float32, .* got int32"),
    ((MAP, 3, 2), TypeError, "boxes must be a Tensor or a list of Tensors, got int"),
    (
        (MAP, ROIS[:, 1:], 2),
        ValueError,
        r"boxes must have shape \(K, 5\), got \(1, 4\): .* a list, \[boxes\]",
    ),
    (
        (MAP, [ROIS[:, 1:]], 2),
        ValueError,
        "boxes must have one tensor for each of the 2 images of input, got 1",
    ),
    ((MAP, [ROIS[:, 1:]] * 3, 2), ValueError, "one tensor for each of the 2 images .*, got 3"),
    (
        (MAP, [ROIS[:, 1:], ROIS], 2),
        ValueError,
        r"boxes\[1\] must have shape \(L, 4\), got \(1, 5\)",
    ),
    ((MAP, [ROIS[:, 1:], [[1, 2, 3, 4]]], 2), TypeError, r"boxes\[1\] must be a Tensor, got list"),
    ((MAP, ROIS.double(), 2), ValueError, "must have the dtype of input, float32, got float64"),
    ((MAP, ROIS.half(), 2), ValueError, "boxes must have the dtype of input, float32, got float16"),
    ((MAP, ROIS.long(), 2), ValueError, "boxes must have the dtype of input, float32, got int64"),
    ((MAP.half(), ROIS.double(), 2), ValueError, "float16 or float32, got float64"),
    ((MAP, ROIS.to("meta"), 2), ValueError, "boxes must be on the device of input, cpu, got meta"),
    (
        (MAP[:, :, :0], ROIS, 2),
        ValueError,
        r"input must have a height and a width of at least 1 where there are boxes, got \(2, 3, 0",
    ),
    ((MAP, ROIS, 0), ValueError, "output_size must be at least 1, got 0"),
    ((MAP, ROIS, (2, -1)), ValueError, r"output_size must be at least 1, got \(2, -1\)"),
    ((MAP, ROIS, 2.0), TypeError, r"output_size must be an int or a pair .*, got 2\.0"),
    ((MAP, ROIS, (2, 2, 2)), TypeError, r"output_size must be an int or a pair"),
    ((MAP, ROIS, True), TypeError, "output_size must be an int or a pair .*, got True"),
    ((MAP, ROIS, 2, 0.0), ValueError, r"spatial_scale must be positive and finite, got 0\.0"),
    ((MAP, ROIS, 2, -1), ValueError, "spatial_scale must be positive and finite, got -1"),
    ((MAP, ROIS, 2, math.nan), ValueError, "spatial_scale must be positive and finite, got nan"),
    ((MAP, ROIS, 2, math.inf), ValueError, "spatial_scale must be positive and finite, got inf"),
    ((MAP, ROIS, 2, "1"), TypeError, "spatial_scale must be a number, got '"),
    ((MAP, ROIS, 2, 1.0, 2.5), TypeError, r"sampling_ratio must be an int, got 2\.5"),
    ((MAP, ROIS, 2, 1.0, 5000), ValueError, "sampling_ratio must be at most 4096, got 5000"),
    ((MAP, ROIS, 2, 1.0, 2, 1), TypeError, "aligned must be a bool, got 1"),
]


@pytest.mark.parametrize(("args", "error", "message"), BAD_STRUCTURE, ids=name_of)
def test_errors_of_structure(args, error, message):
    with pytest.raises(error, match="roi_align: .*" + message.removeprefix("roi_align: ")):
        roi_align(*args)


BAD_VALUES = [
    ([0, 5, 5, 2, 2], 1.0, r"must have x1 <= x2 and y1 <= y2, got \[5, 5, 2, 2\]: is this one"),
    ([0, 0, math.nan, 2, 2], 1.0, r"must be finite, got \[0, nan, 2, 2\]"),
    ([0, 0, 0, math.inf, 2], 1.0, r"must be finite, got \[0, 0, inf, 2\]"),
    ([2, 0, 0, 2, 2], 1.0, r"must have an image index in 0, \.\.\., 1, got 2"),
    ([-1, 0, 0, 2, 2], 1.0, r"must have an image index in 0, \.\.\., 1, got -1"),
    ([0.5, 0, 0, 2, 2], 1.0, r"must have an image index in 0, \.\.\., 1, got 0\.5"),
    ([math.nan, 0, 0, 2, 2], 1.0, r"must have an image index in 0, \.\.\., 1, got nan"),
    ([1e30, 0, 0, 2, 2], 1.0, r"must have an image index in 0, \.\.\., 1, got 1e\+30"),
    (
        [0, 0, 0, 8194, 2],
        1.0,
        r"must need at most 4096 samples along a bin, got \[0, 0, 8194, 2\]: are spatial_scale",
    ),
    ([0, -1e18, 0, 1e18, 2], 1.0, "must need at most 4096 samples along a bin"),
    ([0, -1e18, 0, 1e18, 2], 1e30, "must stay finite when multiplied by spatial_scale"),
]


@pytest.mark.parametrize(("roi", "scale", "message"), BAD_VALUES, ids=str)
@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_errors_of_values(name, roi, scale, message):
    form = form_of(IMPLEMENTATIONS, name, "roi_align", "cpu")
    rois = torch.tensor([[0.0, 0, 0, 1e-30, 1e-30], roi])
    with pytest.raises(ValueError, match=r"^roi_align: boxes\[1\] " + message):
        form(MAP, rois, 2, scale)


def test_error_names_the_place_in_a_list():
    boxes = [torch.zeros(2, 4), torch.tensor([[0.0, 0, 1, 1], [5, 5, 2, 2]])]
    with pytest.raises(ValueError, match=r"roi_align: boxes\[1\]\[1\] must have x1 <= x2"):
        roi_align(MAP, boxes, 2)


@pytest.mark.parametrize(("roi", "scale", "message"), BAD_VALUES, ids=str)
def test_cuda_writes_nan_for_a_bad_roi(kernel, device, roi, scale, message):
    rois = torch.tensor([[1, 0.0, 0, 1e-30, 1e-30], roi], device=device)
    out, gradient = value_and_gradient(kernel, MAP.to(device), rois, 2, scale)
    assert out[0].isfinite().all() and out[1].isnan().all()
    assert gradient.isfinite().all()


def test_backward_checks_its_rois():
    require_native("roi_align", "cpu")
    grad, bad = torch.ones(1, 3, 2, 2), torch.tensor([[7.0, 0, 0, 1, 1]])
    with pytest.raises(RuntimeError, match=r"roi_align_backward: .* image index"):
        torch.ops.edudet.roi_align_backward(grad, bad, 1.0, 2, False, 2, 3, 4, 5, False, 0)


def test_compiled_error_keeps_its_words():
    require_native("roi_align", "cpu")
    compiled = torch.compile(roi_align, fullgraph=True)
    with pytest.raises(RuntimeError, match=r"roi_align: boxes\[0\] must have x1 <= x2"):
        compiled(MAP, torch.tensor([[0.0, 5, 5, 2, 2]]), 2)


def test_unseen_boxes_give_nan(monkeypatch):
    """Where the vectorised form must not look at the values, as on a GPU."""
    monkeypatch.setattr("edudet.check.can_look", lambda *tensors: False)
    rois = torch.tensor([[1, 0.0, 0, 1, 1], *(roi for roi, scale, _ in BAD_VALUES if scale == 1)])
    out = IMPLEMENTATIONS["vectorized"](MAP, rois, 2)
    assert out[0].isfinite().all() and out[1:].isnan().all()


@pytest.mark.parametrize("roi", [[0.0, -1e9, -1e9, 1e9, 1e9], [0.0, 1e9, 1e9, 1e9, 1e9]])
def test_far_away_is_safe(form, device, roi):
    out = form(MAP.to(device), torch.tensor([roi], device=device), 2, 1.0, 2, True)
    assert out.isfinite().all()

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from conftest import form_of, forms, name_of, require, require_native, torchvision_ops
from edudet import emulator, native
from edudet.cases.ops.roi_pool import CASES, MISTAKES
from edudet.ops import roi_align, roi_pool, roi_pool_bins
from edudet.ops.roi_pool import IMPLEMENTATIONS, roi_pool_loop, roi_pool_native
from inputs import random_map, random_rois


@pytest.fixture(params=forms(IMPLEMENTATIONS))
def form(request, device):
    return form_of(IMPLEMENTATIONS, request.param, "roi_pool", device)


@pytest.fixture(params=[1, 2])
def kernel(request, device):
    name = "native" if device == "cuda" else "emulated"
    form = form_of(IMPLEMENTATIONS, name, "roi_pool", device)
    return lambda *args: form(*args, kernel=request.param)


def results(form, feature_map, *args):
    """The value, the argmax and the gradient."""
    feature_map = feature_map.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    out, argmax = form(feature_map, *args, True)
    weights = random_map(*out.shape, seed=9).to(out)
    (gradient,) = torch.autograd.grad(out, feature_map, weights)
    return out.detach(), argmax, gradient


def same(got, expected):
    """Values are chosen, not computed: they are equal. Gradients are sums."""
    assert_close(got[0].cpu(), expected[0], rtol=0, atol=0, equal_nan=True)
    assert torch.equal(got[1].cpu(), expected[1])
    assert_close(got[2].cpu(), expected[2], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    feature_map, boxes, size, scale = case.args
    boxes = torch.tensor(boxes, dtype=torch.float32, device=device).reshape(-1, 5)
    feature_map = torch.tensor(feature_map, dtype=torch.float32, device=device)
    shape = (len(boxes), feature_map.shape[1], *size)
    values, cells = (torch.tensor(part).reshape(shape) for part in case.expected)
    out, argmax = form(feature_map, boxes, size, scale, True)
    assert torch.equal(out.cpu(), values.float())
    assert argmax.dtype == torch.int64 and torch.equal(argmax.cpu(), cells.long())
    assert torch.equal(form(feature_map, boxes, size, scale), out)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    def differs(case):
        got = MISTAKES[mistake](*case.args)
        return any(
            np.shape(part) != np.shape(expected) or not np.array_equal(part, expected)
            for part, expected in zip(got, case.expected, strict=True)
        )

    assert any(differs(case) for case in CASES), "no case bites"


OPTIONS = [((1, 1), 1.0), ((2, 3), 0.5), (4, 0.7), ((9, 8), 1.3)]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize(("k", "channels"), [(0, 3), (1, 1), (5, 2), (3, 35)])
def test_forms_agree_with_the_loop(form, device, k, channels, options):
    feature_map = random_map(2, channels, 9, 13, seed=k).mul(2).round()  # with ties
    rois = random_rois(k, 2, 9 / options[1], 13 / options[1], seed=k)
    expected = results(roi_pool_loop, feature_map, rois, *options)
    same(results(form, feature_map.to(device), rois.to(device), *options), expected)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_kernels_of_the_ladder_agree(kernel, device, dtype, layout, options):
    feature_map = random_map(2, 40, 19, 11, dtype=dtype).contiguous(memory_format=layout)
    rois = random_rois(6, 2, 19 / options[1], 11 / options[1], dtype=dtype)
    expected = results(IMPLEMENTATIONS["vectorized"], feature_map, rois, *options)
    same(results(kernel, feature_map.to(device), rois.to(device), *options), expected)


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
    shape=st.tuples(st.integers(0, 3), st.integers(1, 5), st.integers(1, 5)),
    scale=st.sampled_from([1.0, 0.25, 1 / 3]),
    data=st.data(),
)
def test_forms_agree_on_anything(boxes, size, shape, scale, data):
    count = 2 * math.prod(shape)
    values = data.draw(st.lists(cell, min_size=count, max_size=count))
    feature_map = torch.tensor(values, dtype=torch.float64).reshape(2, *shape)
    boxes = [torch.tensor(b, dtype=torch.float64).reshape(-1, 4) for b in boxes]
    expected = results(roi_pool_loop, feature_map, boxes, size, scale)
    for name in ["vectorized"] + ["native"] * (native.missing("cpu") is None):
        same(results(IMPLEMENTATIONS[name], feature_map, boxes, size, scale), expected)


def test_every_walk_of_the_native_kernel():
    """Channels in slices of 64, 16 and what is left, planes, and channels_last, each way."""
    form = form_of(IMPLEMENTATIONS, "native", "roi_pool", "cpu")
    for k, channels, height, width in [(40, 70, 6, 7), (1, 19, 40, 50), (60, 17, 100, 90)]:
        rois = random_rois(k, 2, height, width, dtype=torch.float64)
        feature_map = random_map(2, channels, height, width, dtype=torch.float64)
        args = (rois, (3, 2), 1.0)
        expected = results(IMPLEMENTATIONS["vectorized"], feature_map, *args)
        strided = random_map(2, channels, height, 2 * width, dtype=torch.float64)[..., ::2]
        strided.copy_(feature_map)
        for variant in (
            feature_map,
            feature_map.contiguous(memory_format=torch.channels_last),
            strided,
            feature_map.permute(1, 0, 3, 2).contiguous().permute(1, 0, 3, 2),
        ):
            same(results(form, variant, *args), expected)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("height", [200, 255, 256])
def test_cells_of_a_big_map(height, layout):
    """The kernel keeps argmax in 16 bits, where a map has fewer than 2^16 cells."""
    form = form_of(IMPLEMENTATIONS, "native", "roi_pool", "cpu")
    feature_map = random_map(1, 17, height, 257, dtype=torch.float64)
    rois = torch.tensor([[0.0, 0, 0, 300, 300], [0, 250, height - 3, 256, height - 1]]).double()
    expected = results(IMPLEMENTATIONS["vectorized"], feature_map, rois, (3, 2), 1.0)
    assert expected[1].max() >= (height - 3) * 257
    same(results(form, feature_map.contiguous(memory_format=layout), rois, (3, 2), 1.0), expected)


def test_layout_of_the_result(form, device):
    feature_map = random_map(2, 3, 5, 6).to(device)
    rois = random_rois(4, 2, 5, 6).to(device)
    for part in form(feature_map, rois, (2, 3), 1.0, True):
        assert part.is_contiguous()
    last = feature_map.contiguous(memory_format=torch.channels_last)
    out, argmax, gradient = results(form, last, rois, (2, 3), 1.0)
    if form is not roi_pool_loop:
        assert out.is_contiguous(memory_format=torch.channels_last)
        assert argmax.is_contiguous(memory_format=torch.channels_last)
    if form not in (roi_pool_loop, IMPLEMENTATIONS["vectorized"]):
        assert gradient.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(out, form(feature_map, rois, (2, 3)))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_expanded_gradient(form, device, layout):
    feature_map = random_map(1, 2, 5, 6).contiguous(memory_format=layout).to(device)
    feature_map.requires_grad_()
    rois = random_rois(4, 1, 5, 6).to(device)
    form(feature_map, rois, 2).sum().backward()  # one number, with strides of 0
    expected = feature_map.detach().cpu().requires_grad_()
    roi_pool_loop(expected, rois.cpu(), 2).sum().backward()
    assert_close(feature_map.grad.cpu(), expected.grad)


def test_boxes_as_a_list(form, device):
    feature_map = random_map(3, 2, 8, 8).to(device)
    rois = random_rois(7, 3, 8, 8).to(device)
    rois = rois[rois[:, 0].argsort(stable=True)]
    boxes = [rois[rois[:, 0] == n, 1:] for n in range(3)]
    assert torch.equal(form(feature_map, boxes, 2), form(feature_map, rois, (2, 2)))
    none = form(feature_map, [boxes[0][:0]] * 3, 2)
    assert none.shape == (0, 2, 2, 2)
    assert form(feature_map[:0], [], 2).shape == (0, 2, 2, 2)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 0, 4, 5), (2, 3, 0, 5), (0, 3, 4, 5)])
def test_nothing_gives_nothing_and_a_zero_gradient(form, device, shape):
    feature_map = torch.ones(shape, device=device, requires_grad=True)
    out, argmax = form(feature_map, torch.empty(0, 5, device=device), (2, 3), 1.0, True)
    assert out.shape == argmax.shape == (0, shape[1], 2, 3)
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
    form = form_of(IMPLEMENTATIONS, "native", "roi_pool", "cpu")
    size = (1 << 20, 1 << 20)
    feature_map = torch.ones(1, 2, 4, 5, requires_grad=True)
    out = form(feature_map, torch.empty(0, 5), size)
    out.sum().backward()
    assert out.shape == (0, 2, *size) and not feature_map.grad.any()
    assert form(torch.ones(1, 0, 4, 5), random_rois(3, 1, 4, 5), size).shape == (3, 0, *size)


def test_argmax_is_where_the_value_is(form, device):
    feature_map = random_map(1, 3, 9, 9).to(device)
    rois = random_rois(6, 1, 9, 9).to(device)
    out, argmax = form(feature_map, rois, (3, 2), 1.0, True)
    channel = torch.arange(3, device=device)[:, None, None]
    read = feature_map[0].flatten(1)[channel, argmax.clamp(min=0)]
    assert torch.equal(read.where(argmax >= 0, 0), out)
    assert (argmax < 0).any()


def test_nan_counts_as_larger_than_all(form, device):
    feature_map = torch.tensor([[[[1, math.nan, math.inf, math.nan]]]], device=device)
    rois = torch.tensor([[0.0, 0, 0, 3, 0], [0, 2, 0, 2, 0]], device=device)
    out, argmax = form(feature_map, rois, 1, 1.0, True)
    assert out[0].isnan().all() and out[1].item() == math.inf
    assert argmax.flatten().tolist() == [1, 2]


def test_a_region_of_infinities(form, device):
    """Where a search that starts from the lowest finite number would find nothing."""
    feature_map = torch.full((1, 1, 3, 3), -math.inf, device=device)
    out, argmax = form(feature_map, torch.tensor([[0.0, 1, 1, 2, 2]], device=device), 1, 1.0, True)
    assert out.item() == -math.inf and argmax.item() == 4


def test_whole_map_in_one_bin_is_the_maximum(form, device):
    feature_map = random_map(2, 3, 6, 7).to(device)
    rois = torch.tensor([[0.0, 0, 0, 6, 5], [1, -2, -9, 90, 50]], device=device)
    assert torch.equal(form(feature_map, rois, 1)[:, :, 0, 0], feature_map.amax((2, 3)))


def test_shifting_map_and_box_changes_nothing(form, device):
    feature_map = random_map(1, 2, 12, 14).to(device)
    rois = torch.tensor([[0, 3.25, 2.5, 8.75, 7.5]], device=device)
    moved = rois + rois.new_tensor([0, 3, 2, 3, 2])
    shifted = feature_map.roll((2, 3), (2, 3))
    assert torch.equal(form(shifted, moved, (2, 3)), form(feature_map, rois, (2, 3)))


def test_exchanging_axes(form, device):
    feature_map = random_map(1, 2, 7, 9).to(device)
    rois = random_rois(5, 1, 7, 9).to(device)
    turned = form(feature_map.transpose(2, 3), rois[:, [0, 2, 1, 4, 3]], (3, 2), 0.8)
    assert torch.equal(turned.transpose(2, 3), form(feature_map, rois, (2, 3), 0.8))


def test_a_small_shift_is_lost():
    """The lesson: a box moved by half a cell has the same features, where RoIAlign has others."""
    feature_map = random_map(1, 1, 12, 12)
    box = torch.tensor([[0.0, 32, 32, 128, 128]])
    moved = box + torch.tensor([0.0, 7, 7, 7, 7])
    assert torch.equal(
        roi_pool(feature_map, box, 3, 1 / 16), roi_pool(feature_map, moved, 3, 1 / 16)
    )
    assert not torch.equal(
        roi_align(feature_map, box, 3, 1 / 16), roi_align(feature_map, moved, 3, 1 / 16)
    )


def test_bins_of_a_box():
    box = torch.tensor([20.0, 40, 100, 120])
    snapped, exact = roi_pool_bins(box, (1, 2), 1 / 16)
    # Columns 1.25 to 6.25 become cells 1, ..., 6; rows 2.5 to 7.5 become 3, ..., 8.
    assert snapped.tolist() == [[[16, 48, 64, 144], [64, 48, 112, 144]]]
    assert exact.tolist() == [[[20, 40, 60, 120], [60, 40, 100, 120]]]
    assert (snapped - exact).abs().max() == 24
    assert roi_pool_bins(box, 7)[0].shape == (7, 7, 4)


@pytest.mark.parametrize("size", [1, (2, 3), 7])
def test_bins_are_where_the_map_is_read(size):
    """A map whose every cell is its own column (row) shows the last cell of each bin."""
    y, x = torch.meshgrid(torch.arange(40.0), torch.arange(50.0), indexing="ij")
    for roi in random_rois(20, 1, 30, 40, seed=3)[:, 1:].clamp(min=0):
        snapped, exact = roi_pool_bins(roi, size)
        out = roi_pool(torch.stack([x, y])[None], [roi[None]], size)[0]
        assert_close(snapped[..., 2:].permute(2, 0, 1), out + 1, rtol=0, atol=0)
        begin = -roi_pool(-torch.stack([x, y])[None], [roi[None]], size)[0]
        assert_close(snapped[..., :2].permute(2, 0, 1), begin, rtol=0, atol=0)
        assert ((snapped - exact).abs() < 2.51).all()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gradient(form, device, layout):
    feature_map = random_map(2, 2, 3, 4, dtype=torch.float64).to(device)
    feature_map = feature_map.contiguous(memory_format=layout).requires_grad_()
    rois = random_rois(2, 2, 3, 4, dtype=torch.float64).to(device)

    def pooled(feature_map):
        return form(feature_map, rois, (2, 1), 0.9)

    assert torch.autograd.gradcheck(pooled, feature_map)
    assert torch.autograd.gradgradcheck(lambda m: pooled(m) ** 2, feature_map)


def test_of_equals_the_first_gets_the_gradient(form, device):
    feature_map = torch.ones(1, 1, 3, 3, device=device, requires_grad=True)
    form(feature_map, torch.tensor([[0.0, 1, 0, 2, 2]], device=device), 1).sum().backward()
    assert feature_map.grad.flatten().tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 0]


def test_transforms():
    """torch.func asks for the gradient without requires_grad."""
    feature_map, rois = random_map(1, 2, 5, 6), random_rois(3, 1, 5, 6)
    expected = results(roi_pool_loop, feature_map, rois, 2, 1.0)
    weights = random_map(*expected[0].shape, seed=9)
    gradient = torch.func.grad(lambda m: (roi_pool(m, rois, 2) * weights).sum())(feature_map)
    assert_close(gradient, expected[2])


def test_threads_and_runs_change_nothing():
    form = form_of(IMPLEMENTATIONS, "native", "roi_pool", "cpu")
    rois = random_rois(50, 2, 30, 40)
    before = torch.get_num_threads()
    try:
        for feature_map in (random_map(2, 80, 30, 40), random_map(2, 300, 3, 3)):
            runs = []
            for threads in (1, 2, 3):
                torch.set_num_threads(threads)
                runs.append(results(form, feature_map, rois, 7, 1.0))
            for run in runs[1:]:
                assert all(torch.equal(a, b) for a, b in zip(run, runs[0], strict=True))
    finally:
        torch.set_num_threads(before)


def test_tuned_backward_is_deterministic(device):
    """In the emulator: with blocks and threads in any order; and the same bits as on the CPU."""
    feature_map, rois = random_map(1, 40, 20, 20).to(device), random_rois(9, 1, 20, 20).to(device)
    args = (roi_pool_native, feature_map, rois, 5, 1.0)
    if device == "cuda":
        runs = [results(*args) for _ in range(3)]
    else:
        require(native.missing("emulated"), "native")
        runs = [emulator.run(results, *args, shuffle=seed) for seed in (None, 1, 2)]
        runs.append(results(*args))
    for run in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(run, runs[0], strict=True))


def checked(kernel, feature_map, rois, *options):
    require(native.missing("checked"), "native")

    def form(*args):
        return roi_pool_native(*args, kernel=kernel)

    return emulator.run(results, form, feature_map, rois, *options, check=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("kernel", [1, 2])
def test_checker_finds_nothing(kernel, layout, dtype):
    feature_map = random_map(2, 35, 9, 13, dtype=dtype).contiguous(memory_format=layout)
    rois = random_rois(4, 2, 9, 13)
    rois[2, 3] = math.nan
    for options in (((3, 2), 1.0), ((9, 8), 1.0)):
        run = checked(kernel, feature_map, rois, *options)
        assert not run.findings and len(run.launches) == 2


def test_tuned_kernels_coalesce():
    args = (random_map(1, 64, 24, 24), random_rois(2, 1, 24, 24), 7, 1.0)
    textbook, tuned = checked(1, *args), checked(2, *args)
    assert any(found.kind == "uncoalesced access" for found in textbook.slow)
    assert not tuned.slow


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_torchvision_agrees(options, layout):
    ops = torchvision_ops()
    feature_map = random_map(2, 20, 9, 13).contiguous(memory_format=layout)
    rois = random_rois(8, 2, 9 / options[1], 13 / options[1])
    leaves = [feature_map.clone().requires_grad_() for _ in range(2)]
    outs = [
        f(leaf, rois, *options) for f, leaf in zip((roi_pool, ops.roi_pool), leaves, strict=True)
    ]
    assert torch.equal(*outs)
    weights = random_map(*outs[0].shape, seed=9)
    assert_close(
        *(torch.autograd.grad(o, leaf, weights) for o, leaf in zip(outs, leaves, strict=True))
    )


def test_adaptive_max_pool_agrees():
    """An outside witness that is always there: torch divides a map into bins by the same rule."""
    feature_map = random_map(1, 3, 23, 31, dtype=torch.float64)
    for x1, y1, x2, y2 in [(0, 0, 30, 22), (3, 2, 20, 9), (5, 6, 5, 6), (4, 4, 17, 22)]:
        crop = feature_map[:, :, y1 : y2 + 1, x1 : x2 + 1]
        roi = torch.tensor([[x1, y1, x2, y2]], dtype=torch.float64)
        for size in (1, (3, 5), (7, 7), (2, 11)):
            expected = torch.nn.functional.adaptive_max_pool2d(crop, size)
            assert torch.equal(roi_pool(feature_map, [roi], size), expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("same_dtype", [True, False], ids=["rois like the map", "float32 rois"])
def test_half_precision(form, device, dtype, same_dtype):
    feature_map = random_map(2, 3, 9, 13, dtype=dtype).to(device)
    rois = random_rois(5, 2, 9, 13).to(dtype).to(dtype if same_dtype else torch.float32).to(device)
    got = results(form, feature_map, rois, (2, 3), 0.7)
    assert got[0].dtype == got[2].dtype == dtype
    exact = results(
        lambda m, r, *a: roi_pool_loop(m.double(), r.double(), *a),
        feature_map.cpu(), rois.cpu(), (2, 3), 0.7,
    )  # fmt: skip
    assert torch.equal(got[0].cpu().double(), exact[0]) and torch.equal(got[1].cpu(), exact[1])
    eps = torch.finfo(dtype).eps
    assert_close(got[2].cpu().double(), exact[2].double(), rtol=4 * eps, atol=4 * eps)


def test_half_sums_are_float32(device):
    """Summed in 16 bits, 4096 gradients of 1 would stop at 2048."""
    feature_map = torch.ones(1, 1, 2, 2, dtype=torch.float16, device=device, requires_grad=True)
    rois = torch.zeros(4096, 5, device=device)
    roi_pool(feature_map, rois, 1).sum().backward()
    assert feature_map.grad[0, 0, 0, 0].item() == 4096


def test_compiles(device):
    require_native("roi_pool", device)
    feature_map, rois = random_map(2, 3, 9, 13).to(device), random_rois(5, 2, 9, 13).to(device)

    def pooled(feature_map, rois, return_argmax):
        return roi_pool(feature_map * 2, rois, (2, 3), 0.5, return_argmax)

    compiled = torch.compile(pooled, fullgraph=True)
    for layout in (torch.contiguous_format, torch.channels_last):
        args = (feature_map.contiguous(memory_format=layout), rois)
        same(results(compiled, *args), [t.cpu() for t in results(pooled, *args)])


def test_compiles_for_any_number_of_boxes():
    require_native("roi_pool", "cpu")
    compiled = torch.compile(roi_pool, fullgraph=True, dynamic=True)
    feature_map = random_map(1, 2, 9, 13)
    for k in (2, 3, 5):
        rois = random_rois(k, 1, 9, 13)
        assert torch.equal(compiled(feature_map, rois, 2), roi_pool(feature_map, rois, 2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_meta(dtype):
    require_native("roi_pool", "meta")
    feature_map = torch.zeros(2, 3, 9, 13, device="meta", dtype=dtype, requires_grad=True)
    rois = torch.zeros(5, 5, device="meta", dtype=dtype)
    out, argmax = roi_pool(feature_map, rois, (2, 4), 1.0, True)
    assert out.shape == argmax.shape == (5, 3, 2, 4)
    assert out.dtype == dtype and argmax.dtype == torch.int64 and out.device.type == "meta"
    out.sum().backward()
    assert feature_map.grad.shape == feature_map.shape


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_opcheck(device, dtype):
    require_native("roi_pool", device)
    exact = torch.float64 if dtype == torch.float64 else torch.float32
    rois = random_rois(4, 2, 5, 6, dtype=exact).to(device)
    feature_map = random_map(2, 3, 5, 6, dtype=dtype).to(device)
    grad = random_map(4, 3, 2, 3, dtype=dtype).to(device)
    for last in (False, True):
        if last:
            feature_map = feature_map.contiguous(memory_format=torch.channels_last)
        _, argmax = torch.ops.edudet.roi_pool(feature_map, rois, 0.5, 2, 3, True, 0)
        torch.library.opcheck(
            torch.ops.edudet.roi_pool.default,
            (feature_map.requires_grad_(), rois, 0.5, 2, 3, True, 0),
        )
        torch.library.opcheck(
            torch.ops.edudet.roi_pool_backward.default,
            (grad.requires_grad_(), argmax, rois, 0.5, 2, 3, 5, 6, last, 0),
        )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_autocast(device, dtype):
    """The result has the map's dtype; boxes that a layer has rounded are welcome."""
    feature_map = random_map(2, 3, 9, 13, dtype=dtype).to(device)
    rois = random_rois(5, 2, 9, 13).bfloat16().to(device)
    expected = roi_pool(feature_map, rois.to(dtype), 2)
    with torch.autocast(device, dtype=torch.bfloat16):
        for boxes in (rois, rois.float()):
            out = roi_pool(feature_map, boxes, 2)
            assert out.dtype == dtype and torch.equal(out, expected)


def test_no_gradient_of_boxes(form, device):
    feature_map = random_map(1, 2, 5, 5).to(device)
    rois = random_rois(2, 1, 5, 5).to(device).requires_grad_()
    for boxes in (rois, [rois[:, 1:]]):
        with pytest.raises(ValueError, match=r"boxes must not require a gradient.*detach"):
            form(feature_map, boxes, 2)
    with torch.no_grad():
        assert form(feature_map, rois, 2).shape == (2, 2, 2, 2)


def test_operator_refuses_a_gradient_of_boxes():
    require_native("roi_pool", "cpu")
    rois = random_rois(2, 1, 5, 5).requires_grad_()
    out, _ = torch.ops.edudet.roi_pool(random_map(1, 2, 5, 5), rois, 1.0, 2, 2, True, 0)
    with pytest.raises(RuntimeError, match="no gradient flows to boxes"):
        out.sum().backward()


def test_operator_without_argmax():
    require_native("roi_pool", "cpu")
    feature_map, rois = random_map(1, 2, 5, 5), random_rois(3, 1, 5, 5)
    for last in (False, True):
        if last:
            feature_map = feature_map.contiguous(memory_format=torch.channels_last)
        args = (feature_map, rois, 1.0, 2, 2, False, 0)
        out, argmax = torch.ops.edudet.roi_pool(*args)
        assert argmax.shape == (0, 2, 2, 2) and torch.equal(out, roi_pool(feature_map, rois, 2))
        torch.library.opcheck(torch.ops.edudet.roi_pool.default, args)
    out, _ = torch.ops.edudet.roi_pool(feature_map.requires_grad_(), *args[1:])
    with pytest.raises(RuntimeError, match="no gradient without argmax"):
        out.sum().backward()


def test_forward_mode():
    feature_map, direction = random_map(1, 2, 5, 5), random_map(1, 2, 5, 5, seed=1)
    rois = random_rois(2, 1, 5, 5)
    _, slope = torch.func.jvp(lambda m: roi_pool(m, rois, 2), (feature_map,), (direction,))
    _, argmax = roi_pool(feature_map, rois, 2, 1.0, True)
    channel = torch.arange(2)[:, None, None]
    read = direction[0].flatten(1)[channel, argmax.clamp(min=0)]
    assert torch.equal(slope, read.where(argmax >= 0, 0))
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(feature_map, direction)
        with pytest.raises(RuntimeError, match="no forward-mode derivative"):
            form_of(IMPLEMENTATIONS, "native", "roi_pool", "cpu")(dual, rois, 2)


MAP = torch.ones(2, 3, 4, 5)
ROIS = torch.tensor([[0.0, 0, 0, 2, 2]])
BAD_STRUCTURE = [
    ((MAP.tolist(), ROIS, 2), TypeError, "roi_pool: input must be a Tensor, got list"),
    ((MAP[0], ROIS, 2), ValueError, r"input must have shape \(N, C, H, W\), got \(3, 4, 5\)"),
    ((MAP.int(), ROIS, 2), ValueError, "input must have dtype float32, .* got int32"),
    ((MAP, 3, 2), TypeError, "boxes must be a Tensor or a list of Tensors, got int"),
    ((MAP, ROIS[:, 1:], 2), ValueError, r"boxes must have shape \(K, 5\), got \(1, 4\)"),
    ((MAP, [ROIS[:, 1:]], 2), ValueError, "one tensor for each of the 2 images .*, got 1"),
    ((MAP, ROIS.double(), 2), ValueError, "must have the dtype of input, float32, got float64"),
    ((MAP, ROIS.to("meta"), 2), ValueError, "boxes must be on the device of input, cpu, got meta"),
    ((MAP[:, :, :0], ROIS, 2), ValueError, r"a height and a width of at least 1 where there are"),
    ((MAP, ROIS, 0), ValueError, "output_size must be at least 1, got 0"),
    ((MAP, ROIS, (2, -1)), ValueError, r"output_size must be at least 1, got \(2, -1\)"),
    ((MAP, ROIS, 2.0), TypeError, r"output_size must be an int or a pair .*, got 2\.0"),
    ((MAP, ROIS, (2, 2, 2)), TypeError, r"output_size must be an int or a pair"),
    ((MAP, ROIS, 2, 0.0), ValueError, r"spatial_scale must be positive and finite, got 0\.0"),
    ((MAP, ROIS, 2, math.nan), ValueError, "spatial_scale must be positive and finite, got nan"),
    ((MAP, ROIS, 2, "1"), TypeError, "spatial_scale must be a number, got '"),
    ((MAP, ROIS, 2, 1.0, 1), TypeError, "return_argmax must be a bool, got 1"),
]


@pytest.mark.parametrize(("args", "error", "message"), BAD_STRUCTURE, ids=name_of)
def test_errors_of_structure(args, error, message):
    with pytest.raises(error, match="roi_pool: .*" + message.removeprefix("roi_pool: ")):
        roi_pool(*args)


BAD_VALUES = [
    ([0, 5, 5, 2, 2], 1.0, r"must have x1 <= x2 and y1 <= y2, got \[5, 5, 2, 2\]: is this one"),
    ([0, 0, math.nan, 2, 2], 1.0, r"must be finite, got \[0, nan, 2, 2\]"),
    ([0, 0, 0, math.inf, 2], 1.0, r"must be finite, got \[0, 0, inf, 2\]"),
    ([2, 0, 0, 2, 2], 1.0, r"must have an image index in 0, \.\.\., 1, got 2"),
    ([0.5, 0, 0, 2, 2], 1.0, r"must have an image index in 0, \.\.\., 1, got 0\.5"),
    ([math.nan, 0, 0, 2, 2], 1.0, r"must have an image index in 0, \.\.\., 1, got nan"),
    ([1e30, 0, 0, 2, 2], 1.0, r"must have an image index in 0, \.\.\., 1, got 1e\+30"),
    (
        [0, 0, 0, 2e9, 2],
        1.0,
        r"must stay within 1073741824 cells when multiplied by spatial_scale, got \[0, 0, 2e\+09, "
        r"2\]: is spatial_scale right",
    ),
    ([0, -1e18, 0, 1e18, 2], 1e30, "must stay within 1073741824 cells"),
]


@pytest.mark.parametrize(("roi", "scale", "message"), BAD_VALUES, ids=str)
@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_errors_of_values(name, roi, scale, message):
    form = form_of(IMPLEMENTATIONS, name, "roi_pool", "cpu")
    rois = torch.tensor([[0.0, 0, 0, 1e-30, 1e-30], roi])
    with pytest.raises(ValueError, match=r"^roi_pool: boxes\[1\] " + message):
        form(MAP, rois, 2, scale)


def test_error_names_the_place_in_a_list():
    boxes = [torch.zeros(2, 4), torch.tensor([[0.0, 0, 1, 1], [5, 5, 2, 2]])]
    with pytest.raises(ValueError, match=r"roi_pool: boxes\[1\]\[1\] must have x1 <= x2"):
        roi_pool(MAP, boxes, 2)


@pytest.mark.parametrize(("roi", "scale", "message"), BAD_VALUES, ids=str)
def test_cuda_writes_nan_for_a_bad_roi(kernel, device, roi, scale, message):
    rois = torch.tensor([[1, 0.0, 0, 1e-30, 1e-30], roi], device=device)
    out, argmax, gradient = results(kernel, MAP.to(device), rois, 2, scale)
    assert out[0].isfinite().all() and out[1].isnan().all()
    assert (argmax[0] >= 0).all() and (argmax[1] == -1).all()
    assert gradient.isfinite().all()


def test_backward_checks_what_it_is_given():
    require_native("roi_pool", "cpu")
    backward = torch.ops.edudet.roi_pool_backward
    grad, argmax, rois = torch.ones(1, 3, 2, 2), torch.zeros(1, 3, 2, 2).int(), torch.zeros(1, 5)
    rest = (1.0, 2, 3, 4, 5, False, 0)
    with pytest.raises(RuntimeError, match=r"roi_pool_backward: .* image index"):
        backward(grad, argmax, rois + 7, *rest)
    with pytest.raises(RuntimeError, match="argmax must be int32"):
        backward(grad, argmax.long(), rois, *rest)
    with pytest.raises(RuntimeError, match="argmax must have the shape of grad"):
        backward(grad, argmax[:, :2], rois, *rest)
    for far in (-(2**31), 2**31 - 1, 20):
        assert not backward(grad, torch.full_like(argmax, far), rois, *rest).any()


def test_compiled_error_keeps_its_words():
    require_native("roi_pool", "cpu")
    compiled = torch.compile(roi_pool, fullgraph=True)
    with pytest.raises(RuntimeError, match=r"roi_pool: boxes\[0\] must have x1 <= x2"):
        compiled(MAP, torch.tensor([[0.0, 5, 5, 2, 2]]), 2)


def test_unseen_boxes_give_nan(monkeypatch):
    """Where the vectorised form must not look at the values, as on a GPU."""
    monkeypatch.setattr("edudet.check.can_look", lambda *tensors: False)
    rois = torch.tensor([[1, 0.0, 0, 1, 1], *(roi for roi, scale, _ in BAD_VALUES if scale == 1)])
    out = IMPLEMENTATIONS["vectorized"](MAP, rois, 2)
    assert out[0].isfinite().all() and out[1:].isnan().all()


@pytest.mark.parametrize("roi", [[0.0, -1e9, -1e9, 1e9, 1e9], [0.0, 1e9, 1e9, 1e9, 1e9]])
def test_far_away_is_safe(form, device, roi):
    out = form(MAP.to(device), torch.tensor([roi], device=device), 2)
    assert out.isfinite().all()


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("channels", [1, 3, 20])
def test_maps_of_one_cell(form, device, channels, channels_last):
    """Their channels lie side by side in either layout."""
    feature_map = torch.arange(2.0 * channels, device=device).reshape(2, channels, 1, 1)
    if channels_last:
        feature_map = feature_map.contiguous(memory_format=torch.channels_last)
    boxes = torch.tensor([[0, 0, 0, 1, 1], [1, 5, 5, 9, 9], [1, 0, 0, 2, 2]], device=device).float()
    got = results(form, feature_map, boxes, (2, 3), 1.0)
    same(got, results(roi_pool_loop, feature_map, boxes, (2, 3), 1.0))

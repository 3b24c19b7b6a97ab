"""Every CUDA kernel of the project, executed by the CPU: right, in any order, and clean."""

import time
from importlib import import_module
from pathlib import Path

import pytest
import torch

from conftest import require
from edudet import emulator, native

ROOT = Path(__file__).parents[2]
SEEDS = [None, 5]
# The modules, not the functions of the same names.
box_iou, corner_pool, grid_sample, nms, roi_align, roi_pool = (
    import_module(f"edudet.ops.{stem}")
    for stem in ("box_iou", "corner_pool", "grid_sample", "nms", "roi_align", "roi_pool")
)


def boxes(count, seed):
    corner, size = torch.rand(2, count, 2, generator=torch.Generator().manual_seed(seed)) * 12
    return torch.cat([corner, corner + size + 0.5], dim=1)


def rois(count):
    return torch.cat([torch.arange(count).remainder(2)[:, None].float(), boxes(count, 4)], dim=1)


def points(*shape):
    """Of (x, y) or (x, y, z), a few of them outside."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(5)) * 0.7


def forward_and_both_backwards(form):
    def all_three(input, grid, *args, **kwargs):
        input, grid = input.clone().requires_grad_(), grid.clone().requires_grad_()
        out = form(input, grid, *args, **kwargs)
        weights = torch.arange(out.numel(), device=out.device).view_as(out)
        (out * weights / out.numel()).sum().backward()
        return torch.cat([out.detach().flatten(), input.grad.flatten(), grid.grad.flatten()])

    return all_three


def forward_and_backward(form):
    def both(input, *args, **kwargs):
        input = input.clone().requires_grad_()
        out = form(input, *args, **kwargs)
        weights = torch.arange(out.numel(), device=out.device).view_as(out)
        (out * weights).sum().backward()
        return torch.cat([out.detach().flatten(), input.grad.flatten()])

    return both


SCORES = torch.rand(150, generator=torch.Generator().manual_seed(1))
LABELS = torch.arange(150) % 3
VOLUMES = torch.rand(2, 2, 3, 4, 5, generator=torch.Generator().manual_seed(6))
FEATURES = torch.rand(2, 3, 14, 12, generator=torch.Generator().manual_seed(2))
# stem: (loop form, kernel form, arguments)
CALLS = {
    "box_iou": [
        (box_iou.box_iou_loop, box_iou.box_iou_native, (boxes(9, 1), boxes(40, 2), "xyxy", kind))
        for kind in ("iou", "generalized", "distance", "complete")
    ],
    "corner_pool": [
        (forward_and_backward(corner_pool.corner_pool_loop),
         forward_and_backward(corner_pool.corner_pool_native), (FEATURES, corner))
        for corner in ("top", "right", "top_left")
    ],
    "grid_sample": [
        (forward_and_both_backwards(grid_sample.grid_sample_loop),
         forward_and_both_backwards(grid_sample.grid_sample_native), args)
        for args in (
            (FEATURES[..., :7, :6], points(2, 5, 4, 2), "bilinear", "zeros", False),
            (FEATURES[..., :7, :6], points(2, 5, 4, 2), "nearest", "border", True),
            (FEATURES[..., :7, :6], points(2, 3, 2, 2), "bicubic", "reflection", False),
            (VOLUMES, points(2, 2, 3, 2, 3), "bilinear", "reflection", True),
            (VOLUMES, points(2, 2, 3, 2, 3), "nearest", "zeros", False),
        )
    ],
    "nms": [
        (nms.nms_loop, nms.nms_native, (boxes(150, 3), SCORES, 0.5)),
        (nms.nms_loop, nms.nms_native, (boxes(150, 3), SCORES, 0.3, LABELS)),
    ],
    "roi_align": [
        (forward_and_backward(roi_align.roi_align_loop),
         forward_and_backward(roi_align.roi_align_native), (FEATURES, rois(5), (3, 2), 0.9, ratio))
        for ratio in (2, -1)
    ],
    "roi_pool": [
        (forward_and_backward(roi_pool.roi_pool_loop),
         forward_and_backward(roi_pool.roi_pool_native), (FEATURES, rois(5), (3, 2), 0.9)),
    ],
}  # fmt: skip
TABLE = [
    pytest.param(*call, kernel, id=f"{stem}-{number}-{kernel}")
    for stem, calls in CALLS.items()
    for number, call in enumerate(calls)
    for kernel in (1, 2)
]


@pytest.fixture(autouse=True)
def built():
    for name in native.NAMESPACES:
        require(native.missing(name), "native")


def same(got, expected):
    if expected.is_floating_point():
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)
    else:
        assert torch.equal(got, expected)


def test_every_cuda_kernel_is_in_the_table():
    assert {path.stem for path in (ROOT / "csrc/cuda").glob("*.cu")} == set(CALLS)


@pytest.mark.parametrize("shuffle", SEEDS)
@pytest.mark.parametrize(("loop", "native_form", "args", "kernel"), TABLE)
def test_agrees_with_the_loop_in_any_order(loop, native_form, args, kernel, shuffle):
    got = emulator.run(native_form, *args, kernel=kernel, shuffle=shuffle)
    same(got, loop(*args))


@pytest.mark.parametrize("shuffle", SEEDS)
@pytest.mark.parametrize(("loop", "native_form", "args", "kernel"), TABLE)
def test_the_checker_finds_nothing(loop, native_form, args, kernel, shuffle):
    run = emulator.run(native_form, *args, kernel=kernel, check=True, shuffle=shuffle)
    assert not run.findings and not run.error, run.report()
    assert run.launches and run.statistics
    assert all(s.place.line for s in run.statistics)
    same(run.result, emulator.run(native_form, *args, kernel=kernel))


@pytest.mark.parametrize(("loop", "native_form", "args", "kernel"), TABLE)
def test_unit_test_sizes_are_fast(loop, native_form, args, kernel):
    begin = time.process_time()
    emulator.run(native_form, *args, kernel=kernel)
    assert time.process_time() - begin < 0.5


def test_the_trace_of_an_operator():
    run = emulator.run(box_iou.box_iou_native, boxes(2, 0), boxes(3, 1), kernel=1, trace=True)
    assert run.result.shape == (2, 3)
    written = [a.offset for a in run.trace if a.operation == "write" and a.region == "out"]
    assert written == [0, 4, 8, 12, 16, 20]
    assert {a.region for a in run.trace} == {"boxes1", "boxes2", "out"}


def test_errors_of_an_operator_stay_what_they_are():
    from edudet.ops import box_iou as public

    with pytest.raises(ValueError, match="box_iou: boxes1 must"):
        emulator.run(public, torch.zeros(3), torch.zeros(3, 4))
    with pytest.raises(ValueError, match="emulator: shuffle must be a seed"):
        emulator.run(public, boxes(1, 1), boxes(1, 1), shuffle="yes")


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setattr(native, "missing", lambda name: f"the {name} kernels are not built")
    with pytest.raises(emulator.EmulatorError, match="the checked kernels are not built"):
        emulator.run(nms.nms_native, boxes(1, 1), SCORES[:1], 0.5, check=True)

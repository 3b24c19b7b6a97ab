"""Pictures of kernels: they show what the emulator has seen."""

import pytest
import torch

from conftest import require
from edudet import draw, emulator, native
from edudet.draw.bits import draw_bits, step_walk
from edudet.draw.kernels import draw_threads, step_lanes
from edudet.ops.box_iou import box_iou_native
from edudet.ops.nms import nms

SUM = """
__global__ void block_sums(const float* x, float* sums) {
  __shared__ float part[4];
  part[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  if (threadIdx.x < 2) part[threadIdx.x] += part[threadIdx.x + 2];
  __syncthreads();
  if (threadIdx.x == 0) sums[0] = part[0] + part[1];
}
"""
ROWS = """
__global__ void rows(const float* a, int n, float* out) {
  for (int k = 0; k < n; ++k) out[threadIdx.x] += a[threadIdx.x * n + k];
}
"""


@pytest.fixture(scope="module")
def traced():
    require(native.missing("checked"), "native")
    sums = torch.zeros(1)
    run = emulator.compile(SUM)["block_sums"][1, 4](torch.arange(4.0), sums, trace=True)
    assert sums.item() == 6
    return run


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_threads_without_work_are_hatched():
    _, axes = draw.new_figure(4, 2)
    draw_threads(axes, [["x[0]", "x[1]"], ["x[2]", None]])
    assert [bool(patch.get_hatch()) for patch in axes.patches] == [False, False, False, True]
    assert {"x[2]", "block 1"} <= set(texts(axes))


def test_a_step_for_each_part_between_barriers(traced):
    values = [[0, 1, 2, 3], [0, 1, 2, 3], [2, 4, 2, 3], [6]]
    steps = draw.step_barriers(traced.trace, 4, values)
    assert steps.captions == [
        "at the start: 4 threads work", "after barrier 1: 2 threads work",
        "after barrier 2: 1 thread works",
    ]  # fmt: skip
    (axes,) = steps.figure(1).axes
    arrows = [a for a in axes.texts if a.get_text() == ""]
    assert len(arrows) == 4 + 2  # two threads read two cells each, and write one
    assert {"read part", "write part"} <= set(texts(axes))
    assert "write sums" in texts(steps.figure(2).axes[0])
    steps.filmstrip()


def test_requests_of_a_warp_are_those_that_the_emulator_counts():
    require(native.missing("checked"), "native")
    generator = torch.Generator().manual_seed(0)
    low = torch.rand(40, 2, generator=generator) * 20
    boxes = torch.cat([low, low + 5], 1)
    for kernel in (1, 2):
        run = emulator.run(
            box_iou_native, boxes[:7].clone(), boxes.clone(), kernel=kernel, trace=True
        )
        requests = [
            request
            for warp in range(8) for b in range(2)
            for request in draw.warp_requests(run.trace, (b, 0, 0), warp)
        ]  # fmt: skip
        for region in ("boxes1", "boxes2", "out"):
            asked = [r for r in requests if r.region == region]
            sectors = sum(len({o // 32 for o in r.offsets.values()}) for r in asked)
            counted = [line for line in run.statistics if region in line.regions]
            assert len(asked) == sum(line.requests for line in counted)
            assert sectors == sum(line.sectors for line in counted)


@pytest.mark.parametrize(("distance", "sectors", "used"), [(4, 4, 100), (16, 16, 25), (64, 32, 12)])
def test_lanes_and_their_sectors(distance, sectors, used):
    _, axes = draw.new_figure(4, 3)
    draw.draw_lanes(axes, {lane: lane * distance for lane in range(32)}, 4, "d")
    assert axes.get_title(loc="left") == f"d: {sectors} sectors, {used}% used"
    bars = axes.patches[-32:]
    assert [bar.get_y() for bar in bars] == list(range(32))
    assert bars[31].get_x() == pytest.approx(31 * distance / 32)  # in sectors


def test_far_sectors_are_drawn_side_by_side():
    _, axes = draw.new_figure(4, 3)
    draw.draw_lanes(axes, {0: 0, 1: 100_000}, 4)
    assert axes.get_xlim() == (0, 2)
    assert "others left out" in axes.get_xlabel()


def test_one_warp_through_a_kernel():
    require(native.missing("checked"), "native")
    run = emulator.compile(ROWS)["rows"][1, 32](torch.zeros(32, 8), 8, torch.zeros(32), trace=True)
    steps = step_lanes(run.trace, ["a"])
    assert len(steps) == 8
    assert steps.captions[0] == "program.cu, line 3: 32 lanes read a"
    assert "32 sectors" in steps.figure(7).axes[0].get_title(loc="left")


def test_bits_and_the_blocks_that_nobody_fills():
    bits = torch.ones(130, 130, dtype=torch.bool).triu(1)
    _, axes = draw.new_figure(4, 4)
    draw_bits(axes, bits, title="mask")
    left = [(p.get_x(), p.get_y(), p.get_width(), p.get_height()) for p in axes.patches]
    assert left == [(0, 64, 64, 64), (0, 128, 128, 2)]
    assert not torch.cat([bits[64:128, :64].flatten(), bits[128:, :128].flatten()]).any()


def test_the_walk_over_the_rows():
    boxes = torch.tensor([[0, 0, 8, 8], [0, 2, 8, 10], [0, 4, 8, 12], [20, 0, 28, 8]]).float()
    bits = torch.tensor([[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]).bool()
    keep = nms(boxes, torch.tensor([0.9, 0.8, 0.7, 0.6]), 0.5).tolist()
    steps = step_walk(bits, keep)
    assert steps.captions == [
        "candidate 0 is kept: its row drops 1", "candidate 2 is kept: its row drops nobody",
        "candidate 3 is kept: its row drops nobody",
    ]  # fmt: skip
    strips = [
        [int(n) for n in steps.figure(k).axes[0].images[1].get_array().filled(0)[0]]
        for k in range(3)
    ]
    assert strips == [[0, 1, 0, 0]] * 3


def test_findings_stand_below_their_lines():
    require(native.missing("checked"), "native")
    hasty = SUM.replace("__syncthreads();", "", 1)
    run = emulator.compile(hasty)["block_sums"][1, 4](torch.arange(4.0), torch.zeros(1), check=True)
    lines = str(draw.show_findings(hasty, run)).splitlines()
    at = next(k for k, line in enumerate(lines) if "part[threadIdx.x] +=" in line)
    assert lines[at].startswith("  6")
    assert any("race in part" in line for line in lines[at + 1 : at + 3])
    page = draw.show_findings(hasty, run, first=6, last=6)._repr_html_()
    assert "race in part" in page and "__shared__" not in page


def test_no_findings_no_marks(traced):
    shown = draw.show_findings(SUM, traced)
    assert not shown.notes and "^" not in str(shown)


def test_sources_side_by_side_are_cut_alike():
    loop, whole = draw.source_of(nms), draw.source_of(draw.race)
    page = draw.side_by_side(loop, whole, lines=2)
    assert str(page).count("\n") == 1 + 2 + 1
    assert "edudet/ops/nms.py" in page._repr_html_() and "edudet/draw/speed.py" in str(page.places)


def test_counts_are_written_at_their_bars():
    figure = draw.draw_counts({"few": 12, "many": 84000}, "of what", "sectors")
    assert {"12", "84,000"} <= set(texts(figure.axes[0]))

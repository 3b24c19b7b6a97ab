import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from conftest import form_of, forms, torchvision_ops
from edudet import native
from edudet.cases.ops.box_iou import CASES, CASES_OF_KIND, MISTAKES
from edudet.ops import box_iou, complete_box_iou, distance_box_iou, generalized_box_iou
from edudet.ops.box_iou import FUNCTIONS, IMPLEMENTATIONS, KINDS

PUBLIC = {
    "iou": box_iou,
    "generalized": generalized_box_iou,
    "distance": distance_box_iou,
    "complete": complete_box_iou,
}
EVERY_CASE = [("iou", case) for case in CASES]
EVERY_CASE += [(kind, case) for kind, cases in CASES_OF_KIND.items() for case in cases]


@pytest.fixture(params=forms(IMPLEMENTATIONS))
def form(request, device):
    return form_of(IMPLEMENTATIONS, request.param, "box_iou", device)


def random_boxes(n, seed=0, dtype=torch.float32, size=64):
    generator = torch.Generator().manual_seed(seed)
    corners = torch.randint(0, size, (n, 2, 2), generator=generator).sort(dim=1).values
    return corners.flatten(1).to(dtype)


@pytest.mark.parametrize(("kind", "case"), EVERY_CASE, ids=lambda p: getattr(p, "name", p))
def test_worked_examples(form, device, kind, case):
    boxes1, boxes2 = (torch.tensor(arg, dtype=torch.float32, device=device) for arg in case.args)
    got = form(boxes1, boxes2, kind=kind, eps=0.0).cpu()
    assert_close(got, torch.tensor(case.expected), rtol=0, atol=2e-7)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    def differs(case):
        got, expected = np.array(MISTAKES[mistake](*case.args)), np.array(case.expected)
        return got.shape != expected.shape or not np.allclose(got, expected)

    assert any(differs(case) for case in CASES), "no case bites"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n", "m"), [(0, 3), (3, 0), (0, 0), (1, 1), (5, 33), (33, 257)])
def test_forms_agree(form, device, kind, n, m):
    boxes1, boxes2 = random_boxes(n, 1), random_boxes(m, 2)
    expected = IMPLEMENTATIONS["vectorized"](boxes1, boxes2, kind=kind)
    got = form(boxes1.to(device), boxes2.to(device), kind=kind).cpu()
    assert got.shape == (n, m)
    assert_close(got, expected, rtol=0, atol=1e-6)
    if kind == "iou":  # decisions hang on it: every form rounds alike
        assert torch.equal(got, expected)


coordinates = st.sampled_from(
    [0.0, 1.0, 2.0, 3.0, 1e-30, 1e-3, 0.1, 7.7, 640.0, 1e6, 1e9, 16777217.0, -5.0, -1e9]
)
box = st.tuples(coordinates, coordinates, coordinates, coordinates).map(
    lambda c: [min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3])]
)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(box, max_size=6), st.lists(box, max_size=6), st.sampled_from(["float32", "float64"])
)
def test_every_form_rounds_alike(boxes1, boxes2, dtype):
    dtype = getattr(torch, dtype)
    boxes1 = torch.tensor(boxes1, dtype=dtype).reshape(-1, 4)
    boxes2 = torch.tensor(boxes2, dtype=dtype).reshape(-1, 4)
    expected = IMPLEMENTATIONS["loop"](boxes1, boxes2)
    assert ((expected >= 0) & (expected <= 1)).all()
    assert torch.equal(IMPLEMENTATIONS["vectorized"](boxes1, boxes2), expected)
    if native.missing("cpu") is None:
        assert torch.equal(IMPLEMENTATIONS["native"](boxes1, boxes2), expected)


def test_kernels_of_the_ladder_agree(device):
    form = form_of(IMPLEMENTATIONS, "native" if device == "cuda" else "emulated", "box_iou", device)
    boxes1, boxes2 = random_boxes(70, 3).to(device), random_boxes(300, 4).to(device)
    for kind in KINDS:
        one, two = (form(boxes1, boxes2, kind=kind, kernel=kernel) for kernel in (1, 2))
        assert torch.equal(one, two)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float16, torch.bfloat16, torch.int32, torch.uint8, torch.int64]
)
def test_dtypes(form, device, kind, dtype):
    boxes1, boxes2 = random_boxes(9, 5, dtype).to(device), random_boxes(11, 6, dtype).to(device)
    expected = IMPLEMENTATIONS["vectorized"](
        boxes1.cpu().double(), boxes2.cpu().double(), kind=kind
    )
    got = form(boxes1, boxes2, kind=kind).cpu()
    assert got.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert_close(got.double(), expected, rtol=0, atol=1e-12 if dtype == torch.float64 else 1e-6)


def test_integers_do_not_wrap_around(form, device):
    far = (
        2_000_000_000  # as int32, its area and its distance to -far overflow; float32 is 128 coarse
    )
    boxes1 = torch.tensor([[-far, -far, far, far], [far, far, far + 4, far + 2]], dtype=torch.int32)
    boxes2 = torch.tensor([[-far, -far, far, far], [far, far, far + 2, far + 2]], dtype=torch.int32)
    got = form(boxes1.to(device), boxes2.to(device)).cpu()
    assert got[0, 0] == 1 and got[1, 1] == 0.5 and got[1, 0] == 0
    dark = (
        torch.tensor([[0, 0, 5, 5]], dtype=torch.uint8),
        torch.tensor([[10, 10, 20, 20]], dtype=torch.uint8),
    )
    assert form(*(boxes.to(device) for boxes in dark)).item() == 0


@pytest.mark.parametrize("fmt", ["xywh", "cxcywh"])
def test_formats(form, device, fmt):
    from edudet.boxes import box_convert

    boxes1, boxes2 = random_boxes(5, 7), random_boxes(6, 8)
    expected = box_iou(boxes1, boxes2)
    converted = (box_convert(boxes, "xyxy", fmt).to(device) for boxes in (boxes1, boxes2))
    assert_close(form(*converted, fmt=fmt).cpu(), expected)


def test_leading_dimensions_broadcast(form, device):
    boxes1 = random_boxes(2 * 3 * 4, 9).reshape(2, 3, 4, 4).to(device)
    boxes2 = random_boxes(3 * 5, 10).reshape(3, 5, 4).to(device)
    got = form(boxes1, boxes2)
    assert got.shape == (2, 3, 4, 5)
    assert torch.equal(got[1, 2], box_iou(boxes1[1, 2], boxes2[2]))
    assert form(boxes1[:0], boxes2).shape == (0, 3, 4, 5)


def test_any_strides(form, device):
    wide = random_boxes(20, 11).to(device)
    assert torch.equal(
        form(wide[::2], wide.flip(0)), box_iou(wide[::2].clone(), wide.flip(0).clone())
    )
    columns = wide.t().contiguous().t()  # strides (1, 20)
    assert torch.equal(form(columns, columns), box_iou(wide, wide))


@pytest.mark.parametrize("kind", KINDS)
def test_properties(form, device, kind):
    boxes1, boxes2 = random_boxes(12, 12).to(device), random_boxes(13, 13).to(device)
    got = form(boxes1, boxes2, kind=kind)
    assert_close(got, form(boxes2, boxes1, kind=kind).T)
    assert_close(got, form(boxes1 + 16, boxes2 + 16, kind=kind))
    assert_close(got, form(boxes1 * 2, boxes2 * 2, kind=kind))
    swapped = [1, 0, 3, 2]  # x and y exchanged
    if kind != "complete":
        assert_close(got, form(boxes1[:, swapped], boxes2[:, swapped], kind=kind))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["loop", "vectorized"])
def test_gradient(name, kind):
    boxes1 = torch.tensor([[0.0, 0.2, 4, 2.5], [1.5, 1.1, 2, 6]]).double().requires_grad_()
    boxes2 = torch.tensor([[1.0, 1, 6, 3], [9, 8, 11, 9]]).double().requires_grad_()
    form = IMPLEMENTATIONS[name]
    if kind != "complete":  # alpha is held constant there, as the paper says
        assert torch.autograd.gradcheck(lambda a, b: form(a, b, kind=kind), (boxes1, boxes2))
    loop = torch.autograd.grad(IMPLEMENTATIONS["loop"](boxes1, boxes2, kind=kind).sum(), boxes1)
    assert_close(torch.autograd.grad(form(boxes1, boxes2, kind=kind).sum(), boxes1), loop)


# Two boxes, and by kind the gradient to each: by hand, with halves where two sides coincide.
TIES = {
    "touching": ([0, 0, 2, 2], [2, 0, 4, 2], {
        "iou": ([0, 0, 0, 0], [0, 0, 0, 0]),
        "generalized": ([0, 0, 1 / 4, 0], [-1 / 4, 0, 0, 0]),
        "distance": ([0.02, -0.02, 0.1, 0.02], [-0.1, -0.02, -0.02, 0.02]),
        "complete": ([0.02, -0.02, 0.1, 0.02], [-0.1, -0.02, -0.02, 0.02]),
    }),
    "touching at a corner": ([0, 0, 2, 2], [2, 2, 4, 4], {
        "iou": ([0, 0, 0, 0], [0, 0, 0, 0]),
        "generalized": ([0, 0, 1 / 8, 1 / 8], [-1 / 8, -1 / 8, 0, 0]),
    }),
    "two sides in common": ([0, 0, 4, 4], [0, 0, 2, 2], {
        "iou": ([-1 / 64, -1 / 64, -1 / 16, -1 / 16], [-3 / 64, -3 / 64, 1 / 8, 1 / 8]),
        "generalized": ([-5 / 64, -5 / 64, -1 / 16, -1 / 16], [1 / 64, 1 / 64, 1 / 8, 1 / 8]),
        "distance": ([-7 / 128, -7 / 128, -5 / 64, -5 / 64], [-3 / 128, -3 / 128, 5 / 32, 5 / 32]),
        "complete": ([-7 / 128, -7 / 128, -5 / 64, -5 / 64], [-3 / 128, -3 / 128, 5 / 32, 5 / 32]),
    }),
    "equal": ([0, 0, 2, 3], [0, 0, 2, 3], dict.fromkeys(KINDS, ([0, 0, 0, 0], [0, 0, 0, 0]))),
    "one segment": ([1, 0, 1, 5], [1, 0, 1, 5], dict.fromkeys(KINDS, ([0] * 4, [0] * 4))),
    "one point": ([3, 3, 3, 3], [3, 3, 3, 3], dict.fromkeys(KINDS, ([0] * 4, [0] * 4))),
}  # fmt: skip
EVERY_TIE = [(tie, kind) for tie, (_, _, by_kind) in TIES.items() for kind in by_kind]


def tie_and_gradients(tie, kind, dtype=torch.float64):
    a, b, by_kind = TIES[tie]
    return [torch.tensor([one], dtype=dtype) for one in (a, b, *by_kind[kind])]


@pytest.mark.parametrize(("tie", "kind"), EVERY_TIE)
@pytest.mark.parametrize("name", ["loop", "vectorized"])
def test_gradient_at_ties(name, tie, kind, device):
    """The same in forward mode, and on every release of torch."""
    a, b, *expected = (t.to(device) for t in tie_and_gradients(tie, kind))

    def form(a, b):
        return IMPLEMENTATIONS[name](a, b, kind=kind, eps=0.0)

    got = torch.autograd.grad(form(a.requires_grad_(), b.requires_grad_()).sum(), (a, b))
    assert_close(got, tuple(expected), rtol=0, atol=1e-15)
    a, b, steps = a.detach(), b.detach(), torch.tensor([[1.0, -2.0, 4.0, 8.0]]).to(a)
    _, slope = torch.func.jvp(form, (a, b), (steps, 3 * steps))
    along = (expected[0] * steps).sum() + (expected[1] * 3 * steps).sum()
    assert_close(slope.sum(), along, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("tie", "kind"), EVERY_TIE)
def test_gradient_at_ties_of_the_public_functions(tie, kind, device):
    a, b, *expected = (t.to(device) for t in tie_and_gradients(tie, kind, torch.float32))
    got = torch.autograd.grad(PUBLIC[kind](a.requires_grad_(), b.requires_grad_()).sum(), (a, b))
    assert_close(got, tuple(expected), rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_forms_agree_on_gradients_at_every_tie(kind):
    """Boxes between three lines each way: all ways in which sides can coincide."""
    corners = torch.cartesian_prod(*[torch.arange(3.0, dtype=torch.float64)] * 4)
    boxes = corners[(corners[:, 0] <= corners[:, 2]) & (corners[:, 1] <= corners[:, 3])]
    some = torch.tensor([[0, 0, 2, 2], [1, 0, 2, 1], [1, 1, 1, 1], [0, 1, 2, 1]]).to(boxes)
    both = []
    for name in ("loop", "vectorized"):
        a, b = some.clone().requires_grad_(), boxes.clone().requires_grad_()
        ious = IMPLEMENTATIONS[name](a, b, kind=kind, eps=0.0)
        weights = torch.arange(ious.numel()).reshape(ious.shape)
        both.append(torch.autograd.grad((ious * weights).sum(), (a, b)))
    assert_close(*both, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tie", ["touching", "two sides in common", "equal"])
def test_torchvision_agrees_at_ties(kind, tie):
    ops = torchvision_ops()
    if tie == "touching" and kind != "generalized" and torch.__version__ < (2, 14):
        pytest.skip("torchvision's gradient of touching boxes is ours from torch 2.14 on")
    a, b, *expected = tie_and_gradients(tie, kind)
    function = getattr(ops, FUNCTIONS[kind])
    got = torch.autograd.grad(function(a.requires_grad_(), b.requires_grad_()).sum(), (a, b))
    assert_close(got, tuple(expected), rtol=0, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_is_never_dropped(device, kind):
    boxes = torch.tensor([[0.0, 0, 4, 2], [1, 1, 1, 1]], device=device, requires_grad=True)
    PUBLIC[kind](boxes, boxes.detach() + 0.5).sum().backward()
    assert boxes.grad.isfinite().all() and boxes.grad[0].any()
    for form in (IMPLEMENTATIONS["loop"], IMPLEMENTATIONS["vectorized"]):
        nothing = torch.zeros(0, 4, device=device, requires_grad=True)
        form(nothing, boxes, kind=kind).sum().backward()
        assert nothing.grad.shape == (0, 4)


def test_kernel_refuses_what_it_cannot_differentiate():
    native_form = form_of(IMPLEMENTATIONS, "native", "box_iou", "cpu")
    boxes = torch.tensor([[0.0, 0, 4, 2]], requires_grad=True)
    with pytest.raises(RuntimeError, match="box_iou_native: the box_iou kernel has no backward"):
        native_form(boxes, boxes)
    out = torch.ops.edudet.box_iou(boxes[None], boxes[None], 0, 0.0, False, 0)
    with pytest.raises(RuntimeError, match=r"no backward; call edudet\.ops\.box_iou"):
        out.sum().backward()


def test_forward_mode():
    boxes1 = torch.tensor([[0.0, 0, 4, 2]], dtype=torch.double)
    boxes2 = torch.tensor([[1.0, 1, 6, 3]], dtype=torch.double)
    _, slope = torch.func.jvp(lambda b: box_iou(b, boxes2), (boxes1,), (torch.ones_like(boxes1),))
    step = 1e-6
    difference = (box_iou(boxes1 + step, boxes2) - box_iou(boxes1 - step, boxes2)) / (2 * step)
    assert_close(slope, difference, rtol=1e-6, atol=1e-8)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(boxes1, torch.ones_like(boxes1))
        with pytest.raises(RuntimeError, match="no forward-mode derivative"):
            form_of(IMPLEMENTATIONS, "native", "box_iou", "cpu")(dual, boxes2)


@pytest.mark.parametrize("kind", KINDS)
def test_compiles(device, kind):
    boxes1, boxes2 = random_boxes(7, 14).to(device), random_boxes(8, 15).to(device)
    compiled = torch.compile(PUBLIC[kind], fullgraph=True)
    assert_close(compiled(boxes1, boxes2), PUBLIC[kind](boxes1, boxes2))
    boxes1.requires_grad_()
    got, expected = (
        torch.autograd.grad(f(boxes1, boxes2).sum(), boxes1)[0] for f in (compiled, PUBLIC[kind])
    )
    assert_close(got, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_meta(kind):
    boxes = torch.zeros(3, 4, device="meta", dtype=torch.float16)
    out = PUBLIC[kind](boxes, boxes[:2])
    assert out.shape == (3, 2) and out.dtype == torch.float32 and out.device.type == "meta"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_opcheck(device, dtype):
    form_of(IMPLEMENTATIONS, "native", "box_iou", device)
    boxes = random_boxes(6, 16, dtype).to(device).reshape(2, 3, 4)
    for narrow in {False, dtype == torch.float64}:
        torch.library.opcheck(torch.ops.edudet.box_iou.default, (boxes, boxes, 3, 1e-7, narrow, 0))


def test_autocast(device):
    boxes = random_boxes(4, 17).to(device)
    with torch.autocast(device, dtype=torch.bfloat16):
        got = box_iou(boxes.bfloat16(), boxes)
        if native.obstacle("box_iou", boxes) is None:  # and by torch's own dispatcher
            args = (boxes[None].bfloat16(), boxes[None], 0, 0.0, False, 0)
            assert torch.equal(torch.ops.edudet.box_iou(*args)[0], got)
    assert_close(got, box_iou(boxes, boxes))


def test_threads_change_nothing():
    boxes = random_boxes(900, 18)
    native_form = form_of(IMPLEMENTATIONS, "native", "box_iou", "cpu")
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = native_form(boxes, boxes)
        torch.set_num_threads(2)
        assert torch.equal(native_form(boxes, boxes), one)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("kind", KINDS)
def test_torchvision_agrees(kind):
    ops = torchvision_ops()
    boxes1, boxes2 = random_boxes(40, 19) + 0.5, random_boxes(50, 20)
    boxes1[:, 2:] += 1  # torchvision answers NaN for a pair of empty boxes
    assert_close(PUBLIC[kind](boxes1, boxes2), getattr(ops, FUNCTIONS[kind])(boxes1, boxes2))


def test_painted_boxes_agree():
    """An outside count: paint both boxes on a grid and count cells."""
    boxes1, boxes2 = random_boxes(15, 21, size=24), random_boxes(15, 22, size=24)

    def paint(boxes):
        grids = np.zeros((len(boxes), 24, 24), bool)
        for grid, (x1, y1, x2, y2) in zip(grids, boxes.int().tolist(), strict=True):
            grid[y1:y2, x1:x2] = True
        return grids

    a, b = paint(boxes1)[:, None], paint(boxes2)[None]
    both, either = (a & b).sum((2, 3)), (a | b).sum((2, 3))
    expected = np.divide(both, either, out=np.zeros(both.shape), where=either > 0)
    assert_close(box_iou(boxes1, boxes2), torch.tensor(expected, dtype=torch.float32))


BAD_STRUCTURE = [
    (
        [[0.0, 0, 1]],
        [[0.0, 0, 1, 1]],
        ValueError,
        r"box_iou: boxes1 must have shape \(\.\.\., N, 4\), got \(1, 3\)",
    ),
    ([0.0, 0, 1, 1], [[0.0, 0, 1, 1]], ValueError, r"boxes1 must have shape .* got \(4,\)"),
    (
        [[0, 0, 1, 1]],
        [[0.0, 0, 1, 1]],
        ValueError,
        r"boxes2 must have the dtype of boxes1, torch.int64, got torch.float32",
    ),
    ([[True] * 4], [[True] * 4], ValueError, r"boxes1 must have dtype float32, .* got bool"),
    (
        [[[0.0, 0, 1, 1]]] * 2,
        [[[0.0, 0, 1, 1]]] * 3,
        ValueError,
        r"leading dimensions that broadcast",
    ),
]


@pytest.mark.parametrize(("boxes1", "boxes2", "error", "message"), BAD_STRUCTURE)
def test_errors_of_structure(boxes1, boxes2, error, message):
    with pytest.raises(error, match=message):
        box_iou(torch.tensor(boxes1), torch.tensor(boxes2))


def test_errors_of_type_and_format():
    boxes = torch.zeros(1, 4)
    with pytest.raises(TypeError, match="generalized_box_iou: boxes2 must be a Tensor, got list"):
        generalized_box_iou(boxes, [[0, 0, 1, 1]])
    with pytest.raises(ValueError, match=r"fmt must be one of .* got 'cxcywhr'; rotated boxes"):
        box_iou(boxes, boxes, fmt="cxcywhr")
    with pytest.raises(ValueError, match="boxes2 must be on the device of boxes1, cpu, got meta"):
        box_iou(boxes, boxes.to("meta"))


BAD_VALUES = [
    (
        [[0, 0, 1, 1], [5, 5, 2, 2]],
        r"boxes1\[1\] must have x1 <= x2 and y1 <= y2, got \[5, 5, 2, 2\]"
        r": is this one \(x, y, w, h\)\?",
    ),
    ([[0, math.nan, 1, 1]], r"boxes1\[0\] must be finite, got \[0, nan, 1, 1\]"),
    ([[0, 0, math.inf, 1]], r"boxes1\[0\] must be finite, got \[0, 0, inf, 1\]"),
    ([[-1e30, 0, 1e30, 1e30]], r"boxes1\[0\] must have an area that its dtype can hold"),
]


@pytest.mark.parametrize(("boxes", "message"), BAD_VALUES)
@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_errors_of_values(name, boxes, message):
    form = form_of(IMPLEMENTATIONS, name, "box_iou", "cpu")
    with pytest.raises(ValueError, match="distance_box_iou: " + message):
        form(torch.tensor(boxes).float(), torch.zeros(1, 4), kind="distance")


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_error_names_the_image(name):
    boxes = torch.zeros(2, 3, 4)
    boxes[1, 2, 0] = 4
    form = form_of(IMPLEMENTATIONS, name, "box_iou", "cpu")
    with pytest.raises(ValueError, match=r"box_iou: boxes2\[1, 2\] must have x1 <= x2"):
        form(torch.zeros(2, 1, 4), boxes)


@pytest.mark.parametrize("kernel", [1, 2])
def test_cuda_writes_nan_for_a_bad_box(device, kernel):
    form = form_of(IMPLEMENTATIONS, "native" if device == "cuda" else "emulated", "box_iou", device)
    bad = torch.tensor([[0.0, 0, 1, 1], [5, 5, 2, 2], [0, math.nan, 1, 1]], device=device)
    got = form(bad, bad[:1], kernel=kernel).cpu()
    assert got[0] == 1 and got[1:].isnan().all()


def test_compiled_error_keeps_its_words():
    compiled = torch.compile(box_iou, fullgraph=True)
    bad = torch.tensor([[5.0, 5, 2, 2]])
    with pytest.raises(RuntimeError, match=r"box_iou: boxes1\[0\] must have x1 <= x2"):
        compiled(bad, bad)


def test_boxes_that_are_infinitely_far_apart(form, device):
    """The gap between them exceeds every float32: their IoU is 0, not NaN."""
    a, b = torch.tensor(
        [[[-3e38, 0, -2.9999e38, 1e-3]], [[2.9999e38, 0, 3e38, 1e-3]]], device=device
    )
    assert form(a, b).tolist() == [[0.0]]

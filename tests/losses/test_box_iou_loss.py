import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from conftest import torchvision_ops
from edudet import losses
from edudet.cases.losses.box_iou_loss import CASES_OF_KIND, MISTAKES, MISTAKES_OF_DISTANCE
from edudet.losses import generalized_box_iou_loss
from edudet.losses.box_iou_loss import FUNCTIONS, IMPLEMENTATIONS
from edudet.losses.reduction import REDUCTIONS
from edudet.ops.box_iou import IMPLEMENTATIONS as MATRIX_FORMS

EVERY_CASE = [(kind, case) for kind, cases in CASES_OF_KIND.items() for case in cases]
PUBLIC = {kind: getattr(losses, name) for kind, name in FUNCTIONS.items()}


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


def random_boxes(n, seed=0, dtype=torch.float32, size=64.0):
    corners = torch.rand(n, 2, 2, generator=torch.Generator().manual_seed(seed)) * size
    return corners.sort(dim=1).values.flatten(1).to(dtype)


@pytest.mark.parametrize(("kind", "case"), EVERY_CASE, ids=lambda p: getattr(p, "name", p))
def test_worked_examples(form, device, kind, case):
    boxes1, boxes2 = (
        torch.tensor(boxes, dtype=torch.float32, device=device).reshape(-1, 4)
        for boxes in case.args
    )
    for eps in (0.0, 1e-7):
        got = form(boxes1, boxes2, eps=eps, kind=kind).cpu()
        assert_close(got, torch.tensor(case.expected), rtol=0, atol=4e-7)


@pytest.mark.parametrize(
    ("mistakes", "kind"), [(MISTAKES, "generalized"), (MISTAKES_OF_DISTANCE, "distance")]
)
def test_worked_examples_catch(mistakes, kind):
    def differs(got, expected):
        return len(got) != len(expected) or not np.allclose(got, expected)

    for mistake, solve in mistakes.items():
        assert any(differs(solve(*c.args), c.expected) for c in CASES_OF_KIND[kind]), mistake


side = st.sampled_from([0.0, 1e-3, 1.0, 7.5, 640.0])
box = st.tuples(side, side, side, side).map(lambda c: [c[0], c[1], c[0] + c[2], c[1] + c[3]])


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(box, box), max_size=5),
    st.sampled_from(list(FUNCTIONS)),
    st.sampled_from([0.0, 1e-7]),
)
def test_forms_agree_and_gradients_are_finite(pairs, kind, eps):
    pairs = torch.tensor(pairs, dtype=torch.double).reshape(-1, 2, 4)
    results = []
    for form in IMPLEMENTATIONS.values():
        boxes = pairs.clone().requires_grad_()
        loss = form(boxes[:, 0], boxes[:, 1], eps=eps, kind=kind)
        loss.sum().backward()
        assert ((loss >= -1e-12) & loss.isfinite()).all() and boxes.grad.isfinite().all()
        results.append(loss.detach())
    assert_close(*results, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", FUNCTIONS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_torchvision_agrees(kind, reduction):
    ops = torchvision_ops()
    theirs = getattr(ops, FUNCTIONS[kind])
    for size in (64.0, 1.0, 1e-3):  # where eps is nothing, and where it is not
        boxes1, boxes2 = (random_boxes(50, seed, torch.double, size) for seed in (0, 1))
        boxes1.requires_grad_()
        got = PUBLIC[kind](boxes1, boxes2, reduction)
        expected = theirs(boxes1, boxes2, reduction)
        assert_close(got, expected, rtol=1e-9, atol=1e-9)
        gradients = (torch.autograd.grad(loss.sum(), boxes1)[0] for loss in (got, expected))
        assert_close(*gradients, rtol=1e-7, atol=1e-9)
    assert PUBLIC[kind](boxes1[0], boxes2[0]).shape == theirs(boxes1[0], boxes2[0]).shape == ()


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_matrix_agrees(kind):
    """The diagonal of the matrix of all pairs."""
    from edudet import ops

    boxes1, boxes2 = random_boxes(9, 2), random_boxes(9, 3)
    matrix = getattr(ops, FUNCTIONS[kind].removesuffix("_loss"))(boxes1, boxes2)
    assert_close(PUBLIC[kind](boxes1, boxes2), 1 - matrix.diagonal())


@pytest.mark.parametrize("kind", ["generalized", "distance"])
def test_gradient(form, kind):
    boxes1, boxes2 = (random_boxes(4, seed, torch.double).requires_grad_() for seed in (4, 5))
    for reduction in REDUCTIONS:
        assert torch.autograd.gradcheck(
            lambda a, b, r=reduction: form(a, b, r, kind=kind), (boxes1, boxes2)
        )


@pytest.mark.parametrize("kind", FUNCTIONS)
@pytest.mark.parametrize("eps", [0.0, 1e-7])
def test_gradient_at_ties_is_that_of_the_matrix(form, kind, eps):
    lines = torch.arange(3.0, dtype=torch.float64)
    corners = torch.cartesian_prod(lines, lines, lines, lines)
    boxes = corners[(corners[:, 0] <= corners[:, 2]) & (corners[:, 1] <= corners[:, 3])]
    if eps:  # the matrix has none below GIoU's and IoU's fraction bars
        boxes = boxes[(boxes[:, 2:] > boxes[:, :2]).all(1)]
    a, b = boxes.clone().requires_grad_(), boxes.roll(5, 0).requires_grad_()
    got = torch.autograd.grad(form(a, b, "sum", eps, kind=kind), (a, b))
    ious = MATRIX_FORMS["loop"](a[:, None], b[:, None], kind=kind, eps=eps)
    expected = torch.autograd.grad(-ious.sum(), (a, b))
    assert_close(got, expected, rtol=0, atol=1e-6 if eps else 1e-13)


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_gradient_of_touching_and_of_equal_boxes(form, kind):
    boxes = torch.tensor([[0.0, 0, 2, 2], [0, 0, 2, 2]], dtype=torch.float64, requires_grad=True)
    truth = torch.tensor([[2.0, 0, 4, 2], [0, 0, 2, 2]], dtype=torch.float64)
    form(boxes, truth, "sum", 0.0, kind=kind).backward()
    touching = [0, 0, -0.25, 0] if kind == "generalized" else [-0.02, 0.02, -0.1, -0.02]
    expected = torch.tensor([touching, [0, 0, 0, 0]], dtype=torch.float64)
    assert_close(boxes.grad, expected, rtol=0, atol=1e-15)


def test_no_gradient_flows_through_alpha(form):
    boxes1, boxes2 = (random_boxes(4, seed, torch.double).requires_grad_() for seed in (4, 5))
    (got,) = torch.autograd.grad(form(boxes1, boxes2, "sum", kind="complete"), boxes1)
    distance = form(boxes1, boxes2, kind="distance")
    width, height = (boxes1[:, 2:] - boxes1[:, :2]).unbind(1)
    w, h = (boxes2[:, 2:] - boxes2[:, :2]).unbind(1)
    v = 4 / math.pi**2 * (torch.atan(w / h) - torch.atan(width / height)) ** 2
    alpha = ((form(boxes1, boxes2, kind="complete") - distance) / v).detach()
    (expected,) = torch.autograd.grad((distance + alpha * v).sum(), boxes1)
    assert_close(got, expected)


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_descent_brings_distant_boxes_together(kind):
    box = torch.tensor([[0.0, 0, 4, 4]], requires_grad=True)
    truth = torch.tensor([[10.0, 6, 16, 9]])
    optimizer = torch.optim.Adam([box], lr=0.1)
    for _ in range(400):
        optimizer.zero_grad()
        PUBLIC[kind](box, truth, "sum").backward()
        optimizer.step()
    assert PUBLIC[kind](box, truth) < 0.1


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_without_area(form, device, kind):
    boxes = torch.tensor(
        [[1.0, 1, 1, 1], [1, 1, 5, 1], [1, 1, 1, 4], [9, 9, 9, 9]], device=device
    ).requires_grad_()
    loss = form(boxes, boxes.detach().flip(0), "mean", kind=kind)
    loss.backward()
    assert loss.isfinite() and boxes.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_dtypes_and_nothing(form, device, dtype):
    boxes1, boxes2 = (random_boxes(5, seed, dtype, 600).to(device) for seed in (6, 7))
    wanted = torch.float64 if dtype == torch.float64 else torch.float32
    got = form(boxes1, boxes2)
    assert got.dtype == wanted
    assert_close(got, form(boxes1.to(wanted), boxes2.to(wanted)))
    nothing = torch.zeros(0, 4, dtype=dtype, device=device, requires_grad=True)
    assert form(nothing, nothing).shape == (0,)
    loss = form(nothing, nothing, "mean")
    loss.backward()
    assert loss == 0 and nothing.grad.shape == (0, 4)


def test_any_shape_and_strides(form):
    boxes1, boxes2 = random_boxes(12, 8), random_boxes(12, 9)
    got = form(boxes1.T.contiguous().T.reshape(3, 4, 4), boxes2.reshape(3, 4, 4))
    assert_close(got, form(boxes1, boxes2).reshape(3, 4))


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_compiles(kind):
    boxes1, boxes2 = random_boxes(7, 10), random_boxes(7, 11)
    compiled = torch.compile(PUBLIC[kind], fullgraph=True, backend="aot_eager")
    assert_close(compiled(boxes1, boxes2), PUBLIC[kind](boxes1, boxes2))
    assert compiled(boxes1.flip(1), boxes2).isnan().all()


zeros = torch.zeros(2, 4)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: generalized_box_iou_loss(zeros, zeros[:1]),
            ValueError,
            r"generalized_box_iou_loss: boxes2 must have the shape of boxes1, \(2, 4\), got",
        ),
        (
            lambda: PUBLIC["distance"](torch.zeros(2, 5), torch.zeros(2, 5)),
            ValueError,
            r"distance_box_iou_loss: boxes1 must have shape \(\.\.\., 4\), got \(2, 5\)",
        ),
        (
            lambda: PUBLIC["complete"](zeros, torch.tensor([[0.0, 0, 1, 1], [5, 5, 2, 2]])),
            ValueError,
            r"complete_box_iou_loss: boxes2\[1\] must have x1 <= x2 and y1 <= y2, got \[5, 5, 2, 2",
        ),
        (
            lambda: generalized_box_iou_loss(zeros, zeros + math.nan),
            ValueError,
            r"boxes2\[0\] must be finite",
        ),
        (lambda: generalized_box_iou_loss(zeros, [[0] * 4]), TypeError, "boxes2 must be a Tensor"),
        (
            lambda: generalized_box_iou_loss(zeros.int(), zeros),
            ValueError,
            "boxes1 must have dtype",
        ),
        (
            lambda: generalized_box_iou_loss(zeros, zeros, "avg"),
            ValueError,
            "reduction must be one",
        ),
        (
            lambda: generalized_box_iou_loss(zeros, zeros, eps=-1),
            ValueError,
            "eps must be finite and at least",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()

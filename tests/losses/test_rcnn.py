import math

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.testing import assert_close

from edudet.cases.losses.rcnn import CASES, CASES_OF_FAST_RCNN, MISTAKES, MISTAKES_OF_FAST_RCNN
from edudet.losses import fast_rcnn_loss, rpn_loss
from edudet.losses.rcnn import IMPLEMENTATIONS, IMPLEMENTATIONS_OF_FAST_RCNN_LOSS


@pytest.fixture(params=IMPLEMENTATIONS)
def rpn(request):
    return IMPLEMENTATIONS[request.param]


@pytest.fixture(params=IMPLEMENTATIONS_OF_FAST_RCNN_LOSS)
def fast_rcnn(request):
    return IMPLEMENTATIONS_OF_FAST_RCNN_LOSS[request.param]


def tensors(first, deltas, labels, targets, columns, width, device="cpu"):
    def of(rows, width):
        return torch.tensor(rows, dtype=torch.float32, device=device).reshape(len(rows), *width)

    labels = torch.tensor(labels, dtype=torch.int64, device=device)
    return of(first, width), of(deltas, (columns,)), labels, of(targets, (4,))


def inputs_of_rpn(n, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(-1, 2, (n,), generator=generator)
    targets = torch.randn(n, 4, generator=generator).to(dtype)
    targets[labels != 1] = math.nan
    logits = torch.randn(n, generator=generator).to(dtype)
    return logits, torch.randn(n, 4, generator=generator).to(dtype), labels, targets


def inputs_of_fast_rcnn(n, c=3, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, c, (n,), generator=generator)
    targets = torch.randn(n, 4, generator=generator).to(dtype)
    targets[labels == 0] = math.nan
    logits = torch.randn(n, c, generator=generator).to(dtype)
    return logits, torch.randn(n, 4 * c, generator=generator).to(dtype), labels, targets


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples_of_rpn(rpn, device, case):
    got = rpn(*tensors(*case.args, columns=4, width=(), device=device), beta=1.0)
    assert [loss.item() for loss in got] == pytest.approx(case.expected, abs=1e-6)


@pytest.mark.parametrize("case", CASES_OF_FAST_RCNN, ids=lambda case: case.name)
def test_worked_examples_of_fast_rcnn(fast_rcnn, device, case):
    classes = len(case.args[0][0]) if case.args[0] else 2
    args = tensors(*case.args, columns=4 * classes, width=(classes,), device=device)
    got = fast_rcnn(*args, beta=1.0)
    assert [loss.item() for loss in got] == pytest.approx(case.expected, abs=1e-6)


@pytest.mark.parametrize(
    ("mistakes", "cases"), [(MISTAKES, CASES), (MISTAKES_OF_FAST_RCNN, CASES_OF_FAST_RCNN)]
)
def test_worked_examples_catch(mistakes, cases):
    for mistake, solve in mistakes.items():
        assert any(not np.allclose(solve(*c.args), c.expected) for c in cases), mistake


@pytest.mark.parametrize("n", [0, 1, 7, 33])
def test_forms_agree(n):
    for forms, args in (
        (IMPLEMENTATIONS, inputs_of_rpn(n)),
        (IMPLEMENTATIONS_OF_FAST_RCNN_LOSS, inputs_of_fast_rcnn(n)),
    ):
        results = []
        for form in forms.values():
            first, deltas = (x.clone().requires_grad_() for x in args[:2])
            losses = form(first, deltas, *args[2:])
            sum(losses).backward()
            results.append((*losses, first.grad, deltas.grad))
        assert_close(*results)


def test_selected_entries_agree():
    """An outside witness: torch's losses of what counts alone."""
    logits, deltas, labels, targets = inputs_of_rpn(200)
    sampled, positive = labels >= 0, labels == 1
    classes = functional.binary_cross_entropy_with_logits(
        logits[sampled], positive[sampled].float()
    )
    boxes = functional.smooth_l1_loss(
        deltas[positive], targets[positive], beta=1 / 9, reduction="sum"
    )
    assert_close(rpn_loss(logits, deltas, labels, targets), (classes, boxes / sampled.sum()))


def test_torchvision_agrees():
    heads = pytest.importorskip("torchvision.models.detection.roi_heads")
    logits, deltas, labels, targets = inputs_of_fast_rcnn(200, 5)
    expected = heads.fastrcnn_loss(logits, deltas, [labels[:90], labels[90:]], [targets])
    assert_close(fast_rcnn_loss(logits, deltas, labels, targets), expected)


def test_gradient_of_rpn(rpn):
    logits, deltas, labels, targets = inputs_of_rpn(4, 1, torch.double)
    assert set(labels.tolist()) == {-1, 0, 1}
    assert torch.autograd.gradcheck(
        lambda z, d: rpn(z, d, labels, targets), (logits.requires_grad_(), deltas.requires_grad_())
    )


def test_gradient_of_fast_rcnn(fast_rcnn):
    logits, deltas, labels, targets = inputs_of_fast_rcnn(4, 3, 1, torch.double)
    assert len(set(labels.tolist())) > 1
    assert torch.autograd.gradcheck(
        lambda z, d: fast_rcnn(z, d, labels, targets),
        (logits.requires_grad_(), deltas.requires_grad_()),
    )


def test_gradient_is_0_where_nothing_counts(rpn, fast_rcnn):
    logits, deltas, labels, targets = inputs_of_rpn(20)
    logits.requires_grad_(), deltas.requires_grad_()
    sum(rpn(logits, deltas, labels, targets)).backward()
    assert (logits.grad[labels == -1] == 0).all() and (logits.grad[labels >= 0] != 0).all()
    assert (deltas.grad[labels != 1] == 0).all() and (deltas.grad[labels == 1] != 0).all()

    logits, deltas, labels, targets = inputs_of_fast_rcnn(20)
    deltas.requires_grad_()
    fast_rcnn(logits, deltas, labels, targets)[1].backward()
    moved = (deltas.grad.reshape(20, 3, 4) != 0).all(2)
    expected = functional.one_hot(labels, 3).bool()
    expected[:, 0] = False
    assert torch.equal(moved, expected)


def test_dtypes(rpn, fast_rcnn):
    for dtype, wanted in ((torch.float16, torch.float32), (torch.float64, torch.float64)):
        assert {x.dtype for x in rpn(*inputs_of_rpn(5, 0, dtype))} == {wanted}
        assert {x.dtype for x in fast_rcnn(*inputs_of_fast_rcnn(5, 3, 0, dtype))} == {wanted}


def test_compiles():
    for loss, args in ((rpn_loss, inputs_of_rpn(9)), (fast_rcnn_loss, inputs_of_fast_rcnn(9))):
        compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
        assert_close(compiled(*args), loss(*args))


def with_argument(function, place, value):
    args = list((inputs_of_rpn if function is rpn_loss else inputs_of_fast_rcnn)(3))
    args[place] = value
    return lambda: function(*args)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            with_argument(rpn_loss, 0, torch.zeros(2)),
            ValueError,
            "rpn_loss: objectness must have t",
        ),
        (
            with_argument(rpn_loss, 1, torch.zeros(3, 5)),
            ValueError,
            r"rpn_loss: deltas must have shape \(N, 4\), got \(3, 5\)",
        ),
        (
            with_argument(rpn_loss, 2, torch.tensor([0, 1, 2])),
            ValueError,
            r"rpn_loss: labels\[2\] must be 1, 0 or -1, got 2",
        ),
        (
            with_argument(rpn_loss, 2, torch.zeros(3)),
            ValueError,
            r"rpn_loss: labels must be int64 of shape \(3,\), .* got float32 of shape \(3,\)",
        ),
        (with_argument(rpn_loss, 2, [0, 1, 1]), TypeError, "labels must be a Tensor, got list"),
        (
            with_argument(fast_rcnn_loss, 1, torch.zeros(3, 4)),
            ValueError,
            r"fast_rcnn_loss: deltas must have shape \(3, 4 \* 3\), got \(3, 4\)",
        ),
        (
            with_argument(fast_rcnn_loss, 0, torch.zeros(2, 3)),
            ValueError,
            r"class_logits must have shape \(3, C\), got \(2, 3\)",
        ),
        (
            with_argument(fast_rcnn_loss, 2, torch.tensor([0, 3, 1])),
            ValueError,
            r"fast_rcnn_loss: labels\[1\] must lie in 0 to 2, got 3",
        ),
        (
            with_argument(fast_rcnn_loss, 3, torch.zeros(2, 4)),
            ValueError,
            "labels must be int64 of",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from conftest import torchvision_ops
from edudet.boxes import decode_deltas, encode_deltas
from edudet.boxes.deltas import CLAMP, IMPLEMENTATIONS, IMPLEMENTATIONS_OF_ENCODE_DELTAS
from edudet.cases.boxes.deltas import CASES, ENCODED, MISTAKES, MISTAKES_WITH_ENCODED
from edudet.ops import box_iou


@pytest.fixture(params=IMPLEMENTATIONS_OF_ENCODE_DELTAS)
def encode(request):
    return IMPLEMENTATIONS_OF_ENCODE_DELTAS[request.param]


@pytest.fixture(params=IMPLEMENTATIONS)
def decode(request):
    return IMPLEMENTATIONS[request.param]


def random_boxes(n, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(n, 2, generator=generator, dtype=torch.double) * 100 - 20
    sides = torch.rand(n, 2, generator=generator, dtype=torch.double) * 50 + 1
    return torch.cat([corner, corner + sides], 1).to(dtype)


def random_deltas(n, num_classes=1, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 4 * num_classes, generator=generator, dtype=torch.double).to(dtype)


def tensors(first, anchors, dtype=torch.float32):
    anchors = torch.tensor(anchors, dtype=dtype).reshape(-1, 4)
    width = len(first[0]) if first else 4
    return torch.tensor(first, dtype=dtype).reshape(len(anchors), width), anchors


def close(got, expected):
    pairs = zip(got, expected, strict=True)
    return all(
        len(a) == len(b)
        and all(math.isclose(x, y, abs_tol=1e-4) for x, y in zip(a, b, strict=True))
        for a, b in pairs
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(decode, case):
    deltas, anchors = tensors(*case.args[:2])
    assert close(decode(deltas, anchors, case.args[2]).tolist(), case.expected)


@pytest.mark.parametrize("case", ENCODED, ids=lambda case: case.name)
def test_worked_encodings(encode, case):
    boxes, anchors = tensors(*case.args[:2])
    assert close(encode(boxes, anchors, case.args[2]).tolist(), case.expected)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    wrong = MISTAKES[mistake]
    assert any(not close(wrong(*case.args), case.expected) for case in CASES), "no case bites"


@pytest.mark.parametrize("mistake", MISTAKES_WITH_ENCODED)
def test_worked_encodings_catch(mistake):
    wrong = MISTAKES_WITH_ENCODED[mistake]
    assert any(not close(wrong(*case.args), case.expected) for case in ENCODED), "no case bites"


def test_what_a_convention_changes():
    """The same four numbers, their centre counted from the cell's centre or from its corner."""
    cell = torch.tensor([[100.0, 100, 200, 200]])
    deltas = torch.tensor([[0.1, 0.5, 0.7, 1.5]])
    deltas[:, 2:] = deltas[:, 2:].log()
    assert_close(deltas[0, 2:], torch.tensor([-0.356675, 0.405465]))
    from_centre = decode_deltas(deltas, cell)
    from_corner = decode_deltas(deltas - torch.tensor([0.5, 0.5, 0, 0]), cell)
    assert_close(from_corner, torch.tensor([[75.0, 75, 145, 225]]))
    assert_close(box_iou(cell, from_centre).item(), 0.344262, atol=1e-6, rtol=0)
    assert_close(box_iou(cell, from_corner).item(), 0.28125, atol=1e-6, rtol=0)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 6),
    st.integers(0, 2**31),
    st.tuples(*[st.sampled_from([0.5, 1.0, 10.0])] * 4),
)
def test_there_and_back(n, seed, weights):
    boxes, anchors = random_boxes(n, seed, torch.double), random_boxes(n, seed + 1, torch.double)
    for name, decode in IMPLEMENTATIONS.items():
        encode = IMPLEMENTATIONS_OF_ENCODE_DELTAS[name]
        back = decode(encode(boxes, anchors, weights), anchors, weights)
        assert_close(back, boxes)
    deltas = random_deltas(n, seed=seed, dtype=torch.double)
    assert_close(encode_deltas(decode_deltas(deltas, anchors), anchors), deltas)


@pytest.mark.parametrize("n", [0, 1, 7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_forms_agree(n, dtype):
    anchors = random_boxes(n, dtype=dtype)
    deltas, weights = random_deltas(n, 3, dtype=dtype), (10, 10, 5, 5)
    loop, vectorized = (form(deltas, anchors, weights) for form in IMPLEMENTATIONS.values())
    assert loop.dtype == vectorized.dtype == dtype and loop.shape == (n, 12)
    assert_close(loop, vectorized)
    boxes = random_boxes(n, 1, dtype)
    loop, vectorized = (
        form(boxes, anchors, weights) for form in IMPLEMENTATIONS_OF_ENCODE_DELTAS.values()
    )
    assert loop.dtype == vectorized.dtype == dtype and loop.shape == (n, 4)
    assert_close(loop, vectorized)


def test_dtypes_meet_in_the_wider_one():
    anchors = random_boxes(3)
    deltas = random_deltas(3, dtype=torch.float16)
    boxes = decode_deltas(deltas, anchors)
    assert boxes.dtype == torch.float32
    assert torch.equal(boxes, decode_deltas(deltas.float(), anchors))
    assert encode_deltas(anchors.double(), anchors).dtype == torch.float64
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert decode_deltas(deltas, anchors).dtype == torch.float32


def test_the_largest_half_is_not_passed_on_the_way():
    anchor = torch.tensor([[0.0, 0, 4096, 4096]], dtype=torch.float16)
    assert decode_deltas(torch.zeros_like(anchor), anchor).tolist() == anchor.tolist()


def test_leading_dimensions_broadcast(encode, decode):
    anchors, deltas = random_boxes(3), random_deltas(6, 2).reshape(2, 3, 8)
    boxes = decode(deltas, anchors)
    assert boxes.shape == (2, 3, 8)
    assert_close(boxes[1], decode(deltas[1], anchors))
    assert_close(encode(boxes[..., :4], anchors), deltas[..., :4], atol=1e-4, rtol=1e-4)
    assert decode(deltas[0, 0], anchors).shape == (3, 8)


def test_moving_and_scaling_both_changes_no_delta(encode):
    boxes, anchors = random_boxes(5, 1, torch.double), random_boxes(5, 2, torch.double)
    deltas = encode(boxes, anchors)
    assert_close(encode(boxes + 100, anchors + 100), deltas)
    assert_close(encode(boxes * 3, anchors * 3), deltas)


@pytest.mark.parametrize("weights", [(1, 1, 1, 1), (10, 10, 5, 5)])
def test_gradients(encode, decode, weights):
    boxes = random_boxes(3, 1, torch.double).requires_grad_()
    anchors = random_boxes(3, 2, torch.double).requires_grad_()
    deltas = random_deltas(3, 2, dtype=torch.double).requires_grad_()
    assert torch.autograd.gradcheck(lambda b, a: encode(b, a, weights), (boxes, anchors))
    assert torch.autograd.gradcheck(lambda d, a: decode(d, a, weights), (deltas, anchors))


def test_no_boxes_give_a_gradient_of_no_numbers(encode, decode):
    for form in (encode, decode):
        first, anchors = torch.zeros(0, 4, requires_grad=True), torch.zeros(0, 4)
        form(first, anchors).sum().backward()
        assert first.grad.shape == (0, 4)


def test_beyond_the_clamp_no_gradient_flows(decode):
    deltas = torch.tensor([[0.0, 0, 9, -9]], requires_grad=True)
    boxes = decode(deltas, torch.tensor([[0.0, 0, 16, 16]]))
    assert_close(boxes[0, 2] - boxes[0, 0], torch.tensor(1000.0))
    (boxes[0, 2] - boxes[0, 1]).backward()
    assert deltas.grad[0, 2] == 0 and deltas.grad[0, 3] != 0
    assert decode(torch.tensor([[0.0, 0, 9, 0]]), torch.ones(1, 4).cumsum(1), clamp=0.0).shape


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("clamp", [CLAMP, 1.0, 0, -1.5])
def test_exactly_at_the_clamp_the_gradient_flows(decode, dtype, clamp):
    """The same in forward mode, and on every release of torch."""
    beyond = torch.nextafter(torch.tensor(clamp, dtype=dtype), torch.tensor(9.0, dtype=dtype))
    deltas = torch.tensor([[0, 0, clamp, clamp], [0, 0, beyond, beyond]], dtype=dtype)
    anchors = torch.tensor([[0, 0, 2, 4]], dtype=dtype)
    side = math.exp(clamp)
    expected = torch.tensor([[0, 0, 2 * side, 4 * side], [0, 0, 0, 0]], dtype=dtype)

    def sides(deltas):
        boxes = decode(deltas, anchors, clamp=clamp)
        return (boxes[:, 2:] - boxes[:, :2]).sum()

    (got,) = torch.autograd.grad(sides(deltas.requires_grad_()), deltas)
    assert_close(got, expected)
    _, slope = torch.func.jvp(sides, (deltas.detach(),), (torch.ones_like(deltas),))
    # In forward mode torch makes float64 of a float32 scalar times a number.
    assert_close(slope, expected.sum(), check_dtype=False)
    with torch.no_grad():  # a faster way, and the same boxes
        quick = decode(deltas, anchors, clamp=clamp)
    assert torch.equal(quick, decode(deltas, anchors, clamp=clamp))


def test_nan_stays_where_it_is(decode):
    boxes = decode(torch.tensor([[math.nan, 0, 0, 0], [0, 0, 0, 0]]), random_boxes(2))
    assert boxes[0, 0::2].isnan().all() and not boxes[0, 1::2].isnan().any()
    assert boxes[1].isfinite().all()


def test_torchvision_agrees():
    torchvision_ops()
    from torchvision.models.detection._utils import BoxCoder

    boxes, anchors, deltas = random_boxes(40, 1), random_boxes(40, 2), random_deltas(40, 3)
    deltas[0] = 30
    for weights in ((1.0, 1.0, 1.0, 1.0), (10.0, 10.0, 5.0, 5.0)):
        coder = BoxCoder(weights)
        assert_close(encode_deltas(boxes, anchors, weights), coder.encode_single(boxes, anchors))
        # Both add up numbers of up to 3000 pixels, in a different order.
        bound = {"rtol": 0, "atol": 1e-3}
        decoded = decode_deltas(deltas, anchors, weights)
        assert_close(decoded, coder.decode_single(deltas, anchors), **bound)
        one_a_class = decoded.unflatten(-1, (-1, 4))
        assert_close(one_a_class, coder.decode(deltas, [anchors]), **bound)


def test_compiles():
    boxes, anchors, deltas = random_boxes(5, 1), random_boxes(5, 2), random_deltas(5, 3)
    assert_close(
        torch.compile(encode_deltas, fullgraph=True)(boxes, anchors), encode_deltas(boxes, anchors)
    )
    assert_close(
        torch.compile(decode_deltas, fullgraph=True)(deltas, anchors),
        decode_deltas(deltas, anchors),
    )


ONE = torch.tensor([[0.0, 0, 1, 1]])
FLAT = torch.tensor([[0.0, 0, 1, 1], [3, 3, 3, 9]])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: encode_deltas([1], ONE), TypeError, "encode_deltas: boxes must be a Tensor"),
        (lambda: encode_deltas(ONE, [1]), TypeError, "encode_deltas: anchors must be a Tensor"),
        (lambda: encode_deltas(ONE[:, :3], ONE), ValueError, r"boxes must have shape \(\.\.\., 4"),
        (lambda: encode_deltas(FLAT, ONE.repeat(3, 1)), ValueError, "that broadcast with those of"),
        (lambda: encode_deltas(ONE, ONE.int()), ValueError, "anchors must have dtype .* got int32"),
        (lambda: encode_deltas(ONE, ONE.to("meta")), ValueError, "anchors must be on the device"),
        (lambda: encode_deltas(ONE, ONE, (1, 1, 1)), TypeError, "weights must be four numbers"),
        (lambda: encode_deltas(ONE, ONE, (1, 1, 1, 0)), ValueError, "weights must be positive"),
        (lambda: decode_deltas(ONE, ONE, 10), TypeError, "weights must be four numbers, got 10"),
        (
            lambda: decode_deltas(torch.zeros(1, 6), ONE),
            ValueError,
            r"deltas must have shape \(\.\.\., 4 K\), got \(1, 6\)",
        ),
        (lambda: decode_deltas(torch.zeros(1, 0), ONE), ValueError, "4 K"),
        (lambda: decode_deltas(ONE, ONE, clamp="4"), TypeError, "clamp must be a number, got '"),
        (lambda: decode_deltas(ONE, ONE, clamp=math.nan), ValueError, "clamp must be a number"),
    ],
)
def test_errors_of_structure(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_errors_of_values(encode, decode):
    message = r"_deltas: {}\[1\] must have x1 < x2 and y1 < y2, got \[3, 3, 3, 9\]"
    with pytest.raises(ValueError, match="^encode" + message.format("anchors")):
        encode(ONE, FLAT)
    with pytest.raises(ValueError, match="^encode" + message.format("boxes")):
        encode(FLAT, ONE)
    with pytest.raises(ValueError, match="^decode" + message.format("anchors")):
        decode(torch.zeros(2, 8), FLAT)
    with pytest.raises(ValueError, match=r"^decode_deltas: anchors"):
        decode(torch.zeros(1, 4), ONE * math.nan)

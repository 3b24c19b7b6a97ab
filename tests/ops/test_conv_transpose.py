import doctest
import importlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F
from torch.testing import assert_close

from conftest import form_of, name_of, require_native
from edudet import native
from edudet.cases.ops.conv_transpose import CASES, MISTAKES, _with
from edudet.ops import conv_transpose1d, conv_transpose2d
from edudet.ops.conv_transpose import IMPLEMENTATIONS

PUBLIC = {1: conv_transpose1d, 2: conv_transpose2d}
TORCH = {1: F.conv_transpose1d, 2: F.conv_transpose2d}


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request, device):
    return form_of(IMPLEMENTATIONS, request.param, "conv_transpose", device)


def random(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def tensors(case, device="cpu"):
    input, weight, bias, *rest = case.args
    tensor = [
        None if numbers is None else torch.tensor(numbers, dtype=torch.float32, device=device)
        for numbers in (input, weight, bias)
    ]
    return *tensor, *rest


def value_and_gradients(form, tensors, *options):
    leaves = [None if t is None else t.detach().clone().requires_grad_() for t in tensors]
    out = form(*leaves, *options)
    weights = (torch.arange(out.numel()) % 7 - 3).reshape(out.shape).to(out)
    return out.detach(), *torch.autograd.grad(out, [t for t in leaves if t is not None], weights)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case):
    assert form(*tensors(case, device)).tolist() == case.expected
    assert _with()(*case.args) == case.expected  # where the mistakes start from


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


def test_examples_of_the_docstring():
    module = importlib.import_module("edudet.ops.conv_transpose")
    found = doctest.testmod(module, extraglobs={"torch": torch})
    assert found.attempted == 3 and found.failed == 0


def sizes(low, high):
    return st.tuples(st.integers(low, high), st.integers(low, high))


@settings(deadline=None, max_examples=40)
@given(
    size=sizes(1, 4), kernel=sizes(1, 3), stride=sizes(1, 4), padding=sizes(0, 4),
    output_padding=sizes(0, 3), dilation=sizes(1, 3), channels=sizes(1, 3),
    groups=st.integers(1, 2), axes=st.integers(1, 2), bias=st.booleans(), batch=st.integers(0, 2),
)  # fmt: skip
def test_torch_agrees(
    size, kernel, stride, padding, output_padding, dilation, channels, groups, axes, bias, batch
):
    stride, padding, dilation = stride[:axes], padding[:axes], dilation[:axes]
    output_padding = tuple(
        o % max(s, d) for o, s, d in zip(output_padding, stride, dilation, strict=False)
    )
    c, d = channels[0] * groups, channels[1]
    args = (
        random(batch, c, *size[:axes], seed=1),
        random(c, d, *kernel[:axes], seed=2),
        random(d * groups, seed=3) if bias else None,
    )
    options = stride, padding, output_padding, groups, dilation
    reach = [
        (n - 1) * s - 2 * p + e * (k - 1) + o + 1
        for n, s, p, e, k, o in zip(
            size, stride, padding, dilation, kernel, output_padding, strict=False
        )
    ]
    if min(reach) < 1:
        with pytest.raises(ValueError, match="must leave at least one cell of the output"):
            PUBLIC[axes](*args, *options)
        return
    expected = value_and_gradients(TORCH[axes], args, *options)
    for name in [*IMPLEMENTATIONS][: None if native.missing("cpu") is None else -1]:
        got = value_and_gradients(IMPLEMENTATIONS[name], args, *options)
        for a, b in zip(got, expected, strict=True):
            assert_close(a, b, msg=lambda text, name=name: f"{name}: {text}")


OPTIONS = [
    # stride, padding, output_padding, groups, dilation
    (1, 0, 0, 1, 1),
    (2, 1, 1, 1, 1),
    ((3, 2), (2, 1), (2, 0), 2, (1, 2)),
    (1, 1, 2, 5, 3),
    (5, 0, 4, 1, 1),
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 40), (9, 5)])
def test_kernel_agrees_with_torch(device, height, width, dtype, options):
    """Channels and cells that do not fill a tile, and more of them than one."""
    native_form = form_of(IMPLEMENTATIONS, "native", "conv_transpose", device)
    args = [
        random(2, 10, height, width, dtype=dtype, seed=1),
        random(10, 11, 3, 4, dtype=dtype, seed=2),
        random(11 * options[3], dtype=dtype, seed=3),
    ]
    expected = value_and_gradients(TORCH[2], args, *options)
    got = value_and_gradients(native_form, [t.to(device) for t in args], *options)
    for a, b in zip(got, expected, strict=True):
        assert_close(a.cpu(), b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_16_bit_numbers_are_computed_in_float32(form, device, dtype):
    args = [random(2, 4, 3, 3), random(4, 3, 2, 2), random(3)]
    args = [t.to(device, dtype) for t in args]
    wide = value_and_gradients(TORCH[2], [t.float() for t in args], 2)
    got = value_and_gradients(form, args, 2)
    for a, b in zip(got, wide, strict=True):
        assert a.dtype == dtype
        assert_close(a, b.to(dtype), rtol=1e-2, atol=1e-2)
    assert_close(got[0], wide[0].to(dtype))  # rounded once


def test_it_is_the_gradient_of_a_convolution(form, device):
    """And the convolution, with the same weight, is the gradient of this."""
    weight = random(4, 3, 3, 2).to(device)
    options = (2, 1, 1)  # stride, padding, dilation of the convolution
    image = random(2, 3, 8, 7, seed=1).to(device).requires_grad_()
    filtered = F.conv2d(image, weight, None, *options)
    slope = random(*filtered.shape, seed=2).to(device)
    (expected,) = torch.autograd.grad(filtered, image, slope)
    # 8 x 7, not 7 x 6, is what the convolution has been given: output_padding says so.
    assert_close(form(slope, weight, None, 2, 1, (1, 1)), expected)
    # <conv(image), slope> = <image, transposed(slope)>: what "transposed" means.
    assert_close((filtered * slope).sum(), (image * expected).sum())


def test_it_is_a_convolution_of_the_signal_with_zeros(form, device):
    """The two ways in which the lecture draws it: zeros around, and zeros between."""
    kernel = torch.tensor([[[2.0, 3, 5]]], device=device)
    flipped = kernel.flip(2)
    signal = torch.tensor([[[7.0, 11, 13, 17]]], device=device)
    assert torch.equal(form(signal, kernel), F.conv1d(F.pad(signal, (2, 2)), flipped))
    spread = torch.tensor([[[7.0, 0, 11, 0]]], device=device)
    got = form(signal[..., :2], kernel, None, 2, 0, 1)
    assert torch.equal(got, F.conv1d(F.pad(spread, (2, 2)), flipped))


def test_four_by_four_needs_output_padding():
    two, weight = torch.ones(1, 1, 2, 2), torch.ones(1, 1, 3, 3)
    sizes = {
        o: tuple(conv_transpose2d(two, weight, None, 2, 1, o).shape[2:]) for o in (0, 1, (0, 1))
    }
    assert sizes == {0: (3, 3), 1: (4, 4), (0, 1): (3, 4)}
    for size in (3, 4):  # both are what a convolution of stride 2 takes to 2 x 2
        assert F.conv2d(torch.ones(1, 1, size, size), weight, None, 2, 1).shape[2:] == (2, 2)


def test_checkerboard():
    """How often each pixel is written: everywhere alike inside, where the stride divides."""
    ones = torch.ones(1, 1, 4, 4)
    counts = conv_transpose2d(ones, torch.ones(1, 1, 3, 3), stride=2)[0, 0, 2:-2, 2:-2]
    assert sorted(counts.unique().tolist()) == [1, 2, 4]
    counts = conv_transpose2d(ones, torch.ones(1, 1, 4, 4), stride=2)[0, 0, 2:-2, 2:-2]
    assert counts.unique().tolist() == [4]


def test_properties(form, device):
    a, b = random(2, 4, 3, 5, seed=1).to(device), random(2, 4, 3, 5, seed=2).to(device)
    weight = random(4, 2, 3, 2, seed=3).to(device)
    options = (None, (2, 1), 1, (1, 0), 2, (1, 2))
    assert_close(form(a + 2 * b, weight, *options),
                 form(a, weight, *options) + 2 * form(b, weight, *options))  # fmt: skip
    turned = (None, (1, 2), 1, (0, 1), 2, (2, 1))
    assert_close(form(a.mT, weight.mT, *turned).mT, form(a, weight, *options))
    one = form(a[:, :2], weight[:2], None, (2, 1), 1, (1, 0), 1, (1, 2))
    assert_close(form(a, weight, *options)[:, :2], one)  # the first of two groups


def test_shapes(form, device):
    row, weight, bias = random(3, 4, 5).to(device), random(4, 2, 3).to(device), random(2).to(device)
    out = form(row, weight, bias, 2)
    assert_close(form(row[0], weight, bias, 2), out[0])
    assert_close(form(row, weight, bias, [2]), out)
    flat = form(row[:, :, None], weight[:, :, None], bias, (1, 2))
    assert_close(flat.squeeze(2), out)


@pytest.mark.parametrize("channels", [(0, 2), (3, 0), (0, 0)])
@pytest.mark.parametrize("batch", [0, 2])
def test_nothing(form, device, batch, channels):
    c, d = channels
    args = [t.to(device) for t in (random(batch, c, 3, 4), random(c, d, 2, 2), random(d))]
    out, *gradients = value_and_gradients(form, args, 2)
    assert_close(out, args[2][:, None, None].expand(batch, d, 6, 8))
    for gradient, argument in zip(gradients, args, strict=True):
        assert gradient.shape == argument.shape
    assert not gradients[0].any() and not gradients[1].any()


def test_nothing_is_written(form, device):
    """What the one cell has written is cut off; a gap is left over."""
    args = [random(1, 1, 1).to(device), random(1, 1, 2).to(device), None]
    out, *gradients = value_and_gradients(form, args, 1, 1, 0, 1, 4)
    assert out.tolist() == [[[0, 0, 0]]]
    assert not any(gradient.any() for gradient in gradients)


def test_far_apart(device):
    """Distances by the thousand million: no memory is spent on what is cut off."""
    native_form = form_of(IMPLEMENTATIONS, "native", "conv_transpose", device)
    input, weight = torch.ones(1, 1, 3, device=device), torch.ones(1, 1, 2, device=device)
    reach = 10**9
    assert native_form(input, weight, None, 1, reach // 2, 0, 1, reach).tolist() == [[[0, 0, 0]]]
    assert native_form(input, weight, None, reach, reach, 0).tolist() == [[[1, 1]]]


def test_any_strides(form, device):
    input, weight = random(2, 6, 8, 10).to(device), random(6, 4, 4, 6).to(device)
    channels_last = input.contiguous(memory_format=torch.channels_last)
    expanded = input[:, :1].expand(2, 6, 8, 10), weight[:1].expand(6, 4, 4, 6)
    slow = IMPLEMENTATIONS["scatter"], IMPLEMENTATIONS["gather"], IMPLEMENTATIONS["matrix"]
    for view, of in [
        (input[..., ::2], weight[..., ::2]),
        (input.mT, weight.mT),
        (channels_last, weight.flip(2)),
        expanded,
    ]:
        if form in slow:
            view = view[:1, :, :3, :3]
        dense = value_and_gradients(form, (view.contiguous(), of.contiguous(), None), 2, 1)
        got = value_and_gradients(form, (view, of, None), 2, 1)
        for a, b in zip(got, dense, strict=True):
            assert_close(a, b)


@pytest.mark.parametrize("axes", [1, 2])
def test_gradient(form, device, axes):
    input, weight = random(1, 2, *(2, 3)[2 - axes :]), random(2, 1, *(2, 2)[2 - axes :], seed=1)
    args = [t.to(device).requires_grad_() for t in (input, weight, random(2, seed=2))]

    def run(*args):
        return form(*args, 2, 1, 1, 2, 1)

    assert torch.autograd.gradcheck(run, args)
    assert torch.autograd.gradgradcheck(run, args, fast_mode=True)


def test_gradient_to_one_alone(form, device):
    input, weight, bias = random(1, 2, 3).to(device), random(2, 2, 2).to(device), random(2)
    bias = bias.to(device).requires_grad_()
    form(input, weight, bias).sum().backward()
    assert bias.grad.tolist() == [4, 4]


def test_forward_mode(device):
    input, weight = random(1, 2, 3, 3).to(device), random(2, 1, 2, 2).to(device)
    _, slope = torch.func.jvp(lambda t: conv_transpose2d(t, weight), (input,), (input,))
    assert_close(slope, conv_transpose2d(input, weight))


def test_threads_change_nothing():
    require_native("conv_transpose", "cpu")
    before = torch.get_num_threads()
    args = [random(3, 16, 20, 20, dtype=torch.float32), random(16, 24, 3, 3, dtype=torch.float32)]
    try:
        results = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(IMPLEMENTATIONS["native"](*args, None, 2, 1))
        assert all(torch.equal(out, results[0]) for out in results[1:])
    finally:
        torch.set_num_threads(before)


def test_opcheck(device):
    form_of(IMPLEMENTATIONS, "native", "conv_transpose", device)
    args = [random(2, 4, 3, 3), random(4, 3, 2, 2), random(6)]
    args = [t.to(device).requires_grad_() for t in args]
    numbers = (2, 1, 1, 0, 1, 0, 2, 1, 2)
    torch.library.opcheck(torch.ops.edudet.conv_transpose.default, (*args, *numbers))


def test_compiles(device):
    args = [random(2, 3, 4), random(3, 2, 3), None]
    args[:2] = [t.float().to(device).requires_grad_() for t in args[:2]]
    compiled = torch.compile(conv_transpose1d, fullgraph=True)
    assert_close(compiled(*args, 2, 1), conv_transpose1d(*args, 2, 1))
    got, expected = (
        torch.autograd.grad(f(*args, 2, 1).sum(), args[:2]) for f in (compiled, conv_transpose1d)
    )
    assert_close(got, expected)


def test_meta():
    input, weight = torch.zeros(2, 3, 4, 5, device="meta"), torch.zeros(3, 7, 2, 2, device="meta")
    out = conv_transpose2d(input, weight, None, 2)
    assert out.shape == (2, 7, 8, 10) and out.device.type == "meta"


def test_autocast(device):
    input, weight = random(1, 2, 3, 3).float(), random(2, 1, 2, 2).float()
    input, weight = input.to(device).bfloat16(), weight.to(device)
    with torch.autocast(device, dtype=torch.bfloat16):
        got = conv_transpose2d(input, weight)
    assert_close(got, conv_transpose2d(input.float(), weight))


INPUT, WEIGHT, BIAS = torch.zeros(2, 4, 3, 3), torch.zeros(4, 3, 2, 2), torch.zeros(3)
BAD = [
    (([1.0], WEIGHT), TypeError, "input must be a Tensor, got list"),
    ((INPUT, WEIGHT, [0.0]), TypeError, "bias must be a Tensor, got list"),
    ((INPUT.long(), WEIGHT), ValueError, "input must have dtype float32, .* got int64"),
    ((INPUT, WEIGHT.double()), ValueError, "weight must have the dtype of input"),
    ((INPUT, WEIGHT.to("meta")), ValueError, "weight must be on the device of input, cpu"),
    ((INPUT[0, 0], WEIGHT), ValueError, r"input must have shape .*, got \(3, 3\)"),
    ((INPUT[..., :0], WEIGHT), ValueError, r"at least one cell, got \(2, 4, 3, 0\)"),
    ((INPUT, WEIGHT[..., 0]), ValueError, r"weight must have shape .*, got \(4, 3, 2\)"),
    ((INPUT, WEIGHT[..., :0]), ValueError, r"weight must .*, got \(4, 3, 2, 0\)"),
    ((INPUT[:, :3], WEIGHT), ValueError, r"channels of input, 3, first, got \(4, 3, 2, 2\): is"),
    ((INPUT[:, :2], WEIGHT), ValueError, r"channels of input, 2, first, got \(4, 3, 2, 2\)$"),
    ((INPUT, WEIGHT, BIAS[:2]), ValueError, r"bias must have shape \(3,\), got \(2,\)"),
    ((INPUT, WEIGHT, BIAS, 1, 0, 0, 2), ValueError, r"bias must have shape \(6,\), got \(3,\)"),
    ((INPUT, WEIGHT, None, 1, 0, 0, 3), ValueError, "groups must divide .*, 4, got 3"),
    ((INPUT, WEIGHT, None, 1, 0, 0, 0), ValueError, "groups must divide .*, 4, got 0"),
    ((INPUT, WEIGHT, None, 1, 0, 0, 1.0), TypeError, r"groups must be an int, got 1\.0"),
    ((INPUT, WEIGHT, None, 0), ValueError, "stride must be at least 1, got 0"),
    ((INPUT, WEIGHT, None, (1, 2, 3)), ValueError, "stride must be an int or 2 of them"),
    ((INPUT, WEIGHT, None, 1.5), TypeError, r"stride must be an int or one .*, got 1\.5"),
    ((INPUT, WEIGHT, None, 1, -1), ValueError, "padding must be at least 0, got -1"),
    ((INPUT, WEIGHT, None, 2, 0, 2), ValueError, "output_padding must be less than .*, got 2"),
    ((INPUT, WEIGHT, None, 1, 2), ValueError, r"padding must leave .*: its size .* \(0, 0\)"),
    ((INPUT, WEIGHT, None, 1, 0, 0, 1, 0), ValueError, "dilation must be at least 1, got 0"),
]


@pytest.mark.parametrize(("args", "error", "message"), BAD, ids=name_of)
def test_errors(args, error, message):
    with pytest.raises(error, match="^conv_transpose2d: .*" + message):
        conv_transpose2d(*args)


def test_error_names_the_function():
    with pytest.raises(ValueError, match=r"^conv_transpose1d: input must have shape \(N, C, W\)"):
        conv_transpose1d(INPUT, WEIGHT[..., 0])


def test_the_kernel_guards_its_memory():
    require_native("conv_transpose", "cpu")
    op = torch.ops.edudet.conv_transpose
    numbers = (1, 1, 0, 0, 0, 0, 1, 1, 1)
    for args in [
        (INPUT[0], WEIGHT, None, *numbers),
        (INPUT, WEIGHT[:3], None, *numbers),
        (INPUT, WEIGHT, BIAS[:2], *numbers),
        (INPUT, WEIGHT.double(), None, *numbers),
        (INPUT, WEIGHT, None, 0, *numbers[1:]),
        (INPUT, WEIGHT, None, 2**62, *numbers[1:]),
        (INPUT, WEIGHT, None, 1, 1, 9, *numbers[3:]),
        (INPUT, WEIGHT, None, *numbers[:6], 0, 1, 1),
        (INPUT, WEIGHT, None, *numbers[:6], 3, 1, 1),
    ]:
        with pytest.raises(RuntimeError, match=r"conv_transpose: "):
            op(*args)

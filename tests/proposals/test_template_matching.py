import math

import numpy as np
import pytest
import torch

from edudet.cases.proposals.template_matching import CASES, MISTAKES, rounded
from edudet.proposals import match_template, template_matches
from edudet.proposals.template_matching import IMPLEMENTATIONS


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    return IMPLEMENTATIONS[request.param]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int16, torch.bfloat16])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, device, case, dtype):
    image, template = (torch.tensor(x, dtype=dtype, device=device) for x in case.args[:2])
    scores = form(image, template, case.args[2])
    assert scores.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    np.testing.assert_allclose(scores.cpu().numpy(), np.array(case.expected), atol=1e-6)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    wrong = MISTAKES[mistake]
    assert any(rounded(wrong(*case.args)) != rounded(case.expected) for case in CASES)


def scene(height, width, seed=0, dtype=torch.float64):
    """Blobs and texture, with a flat corner."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 1, 6, 6, generator=generator, dtype=dtype)
    image = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")[0, 0]
    image += 0.2 * torch.rand(height, width, generator=generator, dtype=dtype)
    image[: height // 2, : width // 2] = 0.1
    return image


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (8, 5), (30, 31), (17, 2)])
@pytest.mark.parametrize("pad_input", [False, True])
def test_forms_agree(size, pad_input):
    image = scene(30, 31)
    template = scene(40, 40, 1)[:: 40 // size[0], :: 40 // size[1]][: size[0], : size[1]]
    loop, vectorized = (form(image, template, pad_input) for form in IMPLEMENTATIONS.values())
    torch.testing.assert_close(vectorized, loop, rtol=0, atol=1e-10)


def test_batches_and_channels():
    images = torch.stack([scene(14, 15, seed) for seed in range(6)]).reshape(2, 3, 14, 15)
    template = images[1, :, 6:11, 8:12]
    for form in IMPLEMENTATIONS.values():
        together = form(images, template)
        assert together.shape == (2, 10, 12) and together[1, 6, 8].item() == pytest.approx(1)
        alone = torch.stack([form(image, template) for image in images])
        torch.testing.assert_close(together, alone, rtol=0, atol=1e-12)
        assert form(images[:0], template).shape == (0, 10, 12)
    loop, vectorized = (form(images, template) for form in IMPLEMENTATIONS.values())
    torch.testing.assert_close(vectorized, loop, rtol=0, atol=1e-10)


@pytest.mark.parametrize("pad_input", [False, True])
@pytest.mark.parametrize("size", [(8, 9), (21, 4), (60, 80)])
def test_scikit_image_agrees(pad_input, size):
    feature = pytest.importorskip("skimage.feature", reason="scikit-image is not installed")
    image = scene(60, 80, 2)
    template = image[-size[0] :, -size[1] :]
    expected = feature.match_template(image.numpy(), template.numpy(), pad_input)
    got = match_template(image, template, pad_input)
    # A flat window: scikit-image divides rounding errors by each other.
    defined = np.abs(got.numpy()) > 0
    np.testing.assert_allclose(got.numpy()[defined], expected[defined], atol=1e-6)
    assert defined.mean() > 0.4
    colour = torch.stack([image, scene(60, 80, 3), scene(60, 80, 4)])
    patch = colour[:, -size[0] :, -size[1] :]
    expected = feature.match_template(colour.numpy(), patch.numpy())[0]
    got = match_template(colour, patch).numpy()
    defined = np.abs(got) > 0
    np.testing.assert_allclose(got[defined], expected[defined], atol=1e-6)


def test_opencv_agrees():
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    image = (255 * scene(60, 80, 5)).clamp(0, 255).to(torch.uint8)
    template = image[35:50, 30:47]
    expected = cv2.matchTemplate(image.numpy(), template.numpy(), cv2.TM_CCOEFF_NORMED)
    got = match_template(image, template).numpy()
    defined = np.abs(got) > 0
    np.testing.assert_allclose(got[defined], expected[defined], atol=1e-5)


def test_flat_regions_score_nothing_whatever_their_brightness(form):
    image = scene(40, 40, 6)
    image[:20, :20], image[20:, :20] = 1 / 3, 0.1 + 1e-9 * torch.rand(20, 20)
    scores = form(image, image[30:35, 30:35])
    assert not scores[:16, :16].any() and not scores[20:36, :16].any()
    assert scores.max().item() == pytest.approx(1) and scores.argmax().item() == 30 * 36 + 30


@pytest.mark.parametrize("factor", [1e-300, 1e-5, 1e300])
def test_units_do_not_matter(form, factor):
    image = scene(20, 20, 7)
    template = image[10:14, 12:17]
    expected = form(image, template)
    torch.testing.assert_close(form(image * factor, template), expected, rtol=0, atol=1e-9)
    torch.testing.assert_close(form(image, template * factor), expected, rtol=0, atol=1e-9)


def test_gradients(form):
    image = scene(6, 7, 8).requires_grad_()
    template = scene(9, 9, 9)[5:8, 5:7].clone().requires_grad_()
    assert torch.autograd.gradcheck(form, (image, template))
    assert torch.autograd.gradcheck(lambda i, t: form(i, t, True), (image, template))


def test_any_strides(form):
    image = scene(30, 20, 10)
    expected = form(image[::2, 1::2].contiguous(), image[14:20:2, 11:17:2].contiguous())
    torch.testing.assert_close(form(image[::2, 1::2], image[14:20:2, 11:17:2]), expected)


CHAIR = torch.tensor(
    [
        [int(cell) for cell in row]
        for row in (
            "11000000",
            "11000000",
            "11000000",
            "11000000",
            "11111111",
            "11111111",
            "11000011",
            "11000011",
            "11000011",
        )
    ]
).double()  # fmt: skip


def room(*chairs):
    """Chairs before a wall with a little texture."""
    image = 0.05 * torch.rand(40, 24 * len(chairs), dtype=torch.float64)
    for i, chair in enumerate(chairs):
        top, left = 12, 24 * i + 4
        image[top : top + chair.shape[0], left : left + chair.shape[1]] += chair
    return image


def test_a_second_chair_is_not_found():
    """Mirrored, tipped over, nearer, in the shade: all score less than the first one broken."""
    torch.manual_seed(0)
    nearer = CHAIR.repeat_interleave(2, 0).repeat_interleave(2, 1)
    shade = CHAIR * torch.linspace(1, 0, 9, dtype=torch.float64)[:, None]
    broken = CHAIR.clone()
    broken[6:, 6:] = 0
    image = room(CHAIR, CHAIR.flip(1), CHAIR.rot90(), nearer, shade, broken)
    scores = match_template(image, image[12:21, 4:12])
    found, *chairs, no_chair = (part.max().item() for part in scores.split(24, dim=1))
    assert found == pytest.approx(1) and max(chairs) < 0.76 < 0.8 < no_chair
    twin = room(CHAIR, 0.5 * CHAIR + 0.25)
    scores = match_template(twin, twin[12:21, 4:12])
    assert scores[:, 24:].max() > 0.95  # dim light on all of it does no harm


def test_best_matches_are_boxes():
    torch.manual_seed(1)
    image = room(CHAIR, CHAIR.rot90(), CHAIR)
    boxes, scores = template_matches(image, CHAIR, 2)
    assert sorted(boxes.tolist()) == [[4, 12, 12, 21], [52, 12, 60, 21]]
    assert boxes.dtype == torch.float32 and scores[0] >= scores[1] > 0.98
    boxes, scores = template_matches(torch.stack([image] * 3), torch.stack([CHAIR] * 3), 10**6, 0.0)
    assert 2 < len(boxes) == len(scores) < 100 and (scores.diff() <= 0).all()


IMAGE, PATCH = torch.zeros(5, 6), torch.zeros(2, 3)


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (([[1]], PATCH), TypeError, "image must be a Tensor, got list"),
        ((IMAGE, [[1]]), TypeError, "template must be a Tensor, got list"),
        ((IMAGE.bool(), PATCH), ValueError, "image must have dtype .* got bool"),
        ((IMAGE, PATCH.to("meta")), ValueError, "template must be on the device of image, cpu"),
        ((IMAGE[0], PATCH), ValueError, r"image must have shape \(H, W\), .* got \(6,\)"),
        ((IMAGE, PATCH[None]), ValueError, r"template must have the channels of image, \(5, 6\)"),
        ((IMAGE.expand(3, 5, 6), PATCH), ValueError, "template must have the channels of image"),
        ((IMAGE.expand(3, 5, 6), PATCH.expand(2, 2, 3)), ValueError, "the channels of image"),
        ((IMAGE, torch.zeros(6, 2)), ValueError, r"no more rows or columns .* got \(6, 2\)"),
        ((IMAGE, torch.zeros(0, 2)), ValueError, r"template must have a pixel, .* got \(0, 2\)"),
        ((IMAGE + math.nan, PATCH), ValueError, "image must be finite, got NaN or infinity in it"),
        ((IMAGE, PATCH + math.inf), ValueError, "template must be finite, got NaN or infinity"),
    ],
)
def test_errors(args, error, message):
    for function in (match_template, template_matches):
        with pytest.raises(error, match=f"^{function.__name__}: .*" + message):
            function(*args)


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        ((1.5,), TypeError, "num_matches must be an int, got 1.5"),
        ((0,), ValueError, "num_matches must be positive and finite, got 0"),
        ((1, 2.0), ValueError, r"iou_threshold must lie in \[0, 1\], got 2.0"),
    ],
)
def test_errors_of_matches(args, error, message):
    with pytest.raises(error, match="^template_matches: " + message):
        template_matches(IMAGE, PATCH, *args)
    with pytest.raises(TypeError, match="match_template: pad_input must be a bool, got 1"):
        match_template(IMAGE, PATCH, 1)
    with pytest.raises(ValueError, match=r"image must have shape \(H, W\) or \(C, H, W\), got"):
        template_matches(torch.zeros(1, 1, 5, 6), PATCH[None])

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import require, require_native
from edudet import native
from edudet.cases.proposals.felzenszwalb import CASES, MISTAKES
from edudet.proposals import felzenszwalb
from edudet.proposals.felzenszwalb import IMPLEMENTATIONS, gaussian_taps


@pytest.fixture(params=IMPLEMENTATIONS)
def form(request):
    if request.param == "native":
        require_native("felzenszwalb", "cpu")
    return IMPLEMENTATIONS[request.param]


def image_of(case):
    image = np.array(case.args[0])
    return image if image.dtype.kind == "f" else image.astype(np.uint8)


def patches(height, width, channels=3, seed=0):
    """Rectangles of a few colours with noise on them: many edges of equal weight."""
    generator = np.random.default_rng(seed)
    image = np.full((height, width, channels), 90)
    for _ in range(5):
        y, x = generator.integers(0, height), generator.integers(0, width)
        colour = generator.integers(0, 240, channels)
        image[y : y + height // 2 + 1, x : x + width // 2 + 1] = colour
    image = image + generator.integers(0, 12, image.shape)
    return image.astype(np.uint8)


def same_partition(a, b):
    """Whether two label maps group the pixels alike, whatever the numbers."""
    pairs = np.unique(np.stack([np.ravel(a), np.ravel(b)]), axis=1).shape[1]
    return pairs == len(np.unique(a)) == len(np.unique(b))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(form, case):
    labels = form(image_of(case), *case.args[1:])
    assert labels.tolist() == case.expected and labels.dtype == torch.int64
    assert felzenszwalb(image_of(case), *case.args[1:]).tolist() == case.expected


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 17), (23, 21)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("scale", "sigma", "min_size"), [(0, 0.0, 0), (20, 0.8, 1), (60, 0.5, 4), (9.5, 3.1, 7)]
)
def test_forms_agree(size, channels, scale, sigma, min_size):
    image = patches(*size, channels, seed=size[1])
    image = image if channels == 3 else image[:, :, 0]
    expected = IMPLEMENTATIONS["loop"](image, scale, sigma, min_size)
    assert torch.equal(IMPLEMENTATIONS["vectorized"](image, scale, sigma, min_size), expected)
    assert torch.equal(felzenszwalb(image, scale, sigma, min_size), expected)


pixels = st.sampled_from([0.0, 0.125, 0.13, 0.5, 1.0, -2.0, 1e-30, 1e9, -1e30, 1e30])


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 5),
    st.integers(0, 5),
    st.data(),
    st.sampled_from([0, 1, 33.3, 300, 1e308]),
    st.sampled_from([0, 0.1, 0.8, 2]),
    st.integers(0, 6),
)
def test_every_form_decides_alike(height, width, data, scale, sigma, min_size):
    numbers = data.draw(st.lists(pixels, min_size=height * width, max_size=height * width))
    image = torch.tensor(numbers, dtype=torch.float32).reshape(height, width)
    expected = IMPLEMENTATIONS["loop"](image, scale, sigma, min_size)
    assert expected.shape == (height, width)
    assert torch.equal(IMPLEMENTATIONS["vectorized"](image, scale, sigma, min_size), expected)
    if native.missing("cpu") is None:
        assert torch.equal(IMPLEMENTATIONS["native"](image, scale, sigma, min_size), expected)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("scale", "sigma", "min_size"), [(50, 0.8, 3), (200, 0.5, 1), (90, 2, 9)])
def test_scikit_image_finds_the_same_regions(channels, scale, sigma, min_size):
    segmentation = pytest.importorskip("skimage.segmentation", reason="scikit-image is a peer")
    image = np.random.default_rng(channels).random((60, 50, channels)).squeeze()
    axis = -1 if channels == 3 else None
    expected = segmentation.felzenszwalb(image, scale, sigma, min_size, channel_axis=axis)
    labels = felzenszwalb(image, scale, sigma, min_size)
    assert len(np.unique(expected)) > 3 and same_partition(labels, expected)


def test_scikit_image_finds_the_same_regions_of_a_photo():
    segmentation = pytest.importorskip("skimage.segmentation", reason="scikit-image is a peer")
    data = pytest.importorskip("skimage.data")
    image = data.astronaut()[:200, 100:300]
    expected = segmentation.felzenszwalb(image, 100, 0.8, 50)
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is a peer")
    # Levels of 8 bits make equal weights, whose order scikit-image leaves open.
    index = metrics.adjusted_rand_score(expected.ravel(), felzenszwalb(image, 100, 0.8, 50).ravel())
    assert index > 0.98


def test_opencv_finds_much_the_same_regions():
    cv2 = pytest.importorskip("cv2", reason="OpenCV is a peer")
    if not hasattr(cv2, "ximgproc"):
        pytest.skip("this OpenCV is without its contributed modules")
    image = patches(80, 90, seed=3)
    expected = cv2.ximgproc.segmentation.createGraphSegmentation(0.8, 100, 20).processImage(image)
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is a peer")
    index = metrics.adjusted_rand_score(expected.ravel(), felzenszwalb(image, 100, 0.8, 20).ravel())
    assert index > 0.9


@pytest.mark.parametrize("sigma", [0.1, 0.8, 2.3, 30])
def test_smoothing_is_scipys(sigma):
    ndimage = pytest.importorskip("scipy.ndimage", reason="scipy is a peer")
    taps = gaussian_taps(sigma)
    impulse = np.zeros(2 * len(taps) - 1)
    impulse[len(taps) - 1] = 1
    expected = ndimage.gaussian_filter1d(impulse, sigma)[len(taps) - 1 :]
    np.testing.assert_allclose(taps, expected, atol=1e-7)


def test_regions_are_connected_and_large_enough():
    measure = pytest.importorskip("skimage.measure", reason="scikit-image is a peer")
    labels = felzenszwalb(patches(70, 80, seed=4), 30, 0.8, 25).numpy()
    first_seen = labels.ravel()[np.sort(np.unique(labels, return_index=True)[1])]
    assert first_seen.tolist() == list(range(labels.max() + 1))
    assert np.bincount(labels.ravel()).min() >= 25
    assert measure.label(labels + 1, connectivity=2).max() == labels.max() + 1


def test_mirrored_image_has_mirrored_regions():
    image = np.random.default_rng(5).random((30, 40, 3))  # no two weights are equal
    labels = felzenszwalb(image, 150, 0, 1)
    assert same_partition(labels.flip(1), felzenszwalb(image[:, ::-1], 150, 0, 1))


def test_a_larger_scale_gives_fewer_regions():
    image = patches(60, 60, seed=6)
    counts = [felzenszwalb(image, scale, 0.5, 1).max().item() for scale in (1, 10, 100, 10_000)]
    assert counts == sorted(counts, reverse=True) and counts[0] > counts[-1]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_dtypes(form, dtype):
    image = (torch.rand(12, 13, 3, generator=torch.Generator().manual_seed(0))).to(dtype)
    assert torch.equal(form(image, 80, 0.8, 4), form(image.float(), 80, 0.8, 4))


def test_arrays_and_tensors_in_any_layout(form):
    image = patches(14, 12)
    expected = form(image, 20, 0.8, 2)
    assert torch.equal(form(torch.from_numpy(image), 20, 0.8, 2), expected)
    wide = np.zeros((14, 24, 3), np.uint8)
    wide[:, ::2] = image
    assert torch.equal(form(wide[:, ::2], 20, 0.8, 2), expected)
    assert torch.equal(form(torch.from_numpy(wide)[:, ::2], 20, 0.8, 2), expected)
    assert torch.equal(form(image[::-1, ::-1].copy()[::-1, ::-1], 20, 0.8, 2), expected)
    locked = image.copy()
    locked.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(form(locked, 20, 0.8, 2), expected)
    foreign = (image / 255).astype(np.dtype(np.float32).newbyteorder())
    assert torch.equal(form(foreign, 20, 0.8, 2), form(image / np.float32(255), 20, 0.8, 2))


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0), (0, 5, 3)])
def test_empty(form, shape):
    labels = form(torch.zeros(shape), 1, 0.8, 20)
    assert labels.shape == shape[:2] and labels.dtype == torch.int64


def test_gradient_is_none():
    image = torch.rand(6, 6, requires_grad=True)
    assert not felzenszwalb(image).requires_grad


def test_registration():
    require_native("felzenszwalb", "cpu")
    arguments = torch.rand(3, 6, 7), gaussian_taps(0.8), [20.0, 50.0], [1, 3]
    torch.library.opcheck(torch.ops.edudet.felzenszwalb.default, arguments)


def test_several_scales_cost_one_sort():
    require_native("felzenszwalb", "cpu")
    image = patches(40, 30)
    values = torch.from_numpy(image).permute(2, 0, 1).float()
    labels = torch.ops.edudet.felzenszwalb(values, gaussian_taps(0.8), [20.0, 90.0], [5, 9])
    assert torch.equal(labels[0], felzenszwalb(image, 20, 0.8, 5))
    assert torch.equal(labels[1], felzenszwalb(image, 90, 0.8, 9))


def test_a_huge_min_size_is_the_whole_image(form):
    assert form(patches(5, 6), 1, 0.8, 2**70).max() == 0


GOOD = np.zeros((4, 4, 3), np.uint8)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[0]],), TypeError, "felzenszwalb: image must be an array or a Tensor, got list"),
        ((np.zeros((3, 4, 4)),), ValueError, r"\(H, W, 3\), got \(3, 4, 4\): is this one \(C, H"),
        ((np.zeros((4, 4, 2)),), ValueError, r"image must have shape .*, got \(4, 4, 2\)"),
        ((np.zeros(4),), ValueError, r"image must have shape .*, got \(4,\)"),
        ((np.zeros((4, 4), np.int64),), ValueError, "image must have dtype uint8, .* got int64"),
        ((np.zeros((4, 4), complex),), ValueError, "image must have dtype .*, got complex128"),
        ((np.array([[0, np.nan]]),), ValueError, r"image\[0, 1\] must be finite .*, got nan"),
        ((np.array([[1e31]]),), ValueError, r"image\[0, 0\] must be finite and at most 1e30"),
        ((GOOD, -1), ValueError, "scale must be finite and at least 0, got -1"),
        ((GOOD, float("nan")), ValueError, "scale must be finite"),
        ((GOOD, 10**400), ValueError, "scale must be finite and at least 0, got 10"),
        ((GOOD, "1"), TypeError, "scale must be a number, got '1'"),
        ((GOOD, 1, float("inf")), ValueError, "sigma must be finite and at least 0, got inf"),
        ((GOOD, 1, 1001), ValueError, "sigma must be at most 1000, got 1001"),
        ((GOOD, 1, 0.8, -1), ValueError, "min_size must be finite and at least 0, got -1"),
        ((GOOD, 1, 0.8, 2.5), TypeError, "min_size must be an int, got 2.5"),
        (
            (torch.zeros(1, 1).byte().expand(2**13, 2**13),), ValueError,
            "image must have at most 33554432 pixels, got 8192 x 8192",
        ),
    ],
)  # fmt: skip
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        felzenszwalb(*arguments)


def test_without_the_kernels(monkeypatch):
    image = patches(20, 20)
    expected = felzenszwalb(image, 30)
    monkeypatch.setattr(native, "obstacle", lambda *_: "not built")
    assert torch.equal(felzenszwalb(image, 30), expected)


def test_on_another_device():
    require(None if torch.cuda.is_available() else "no CUDA device", "cuda")
    image = torch.from_numpy(patches(20, 20))
    labels = felzenszwalb(image.cuda(), 30)
    assert labels.is_cuda and torch.equal(labels.cpu(), felzenszwalb(image, 30))

import colorsys

import numpy as np
import pytest
import torch

from edudet.cases.proposals.colour_spaces import CASES, MISTAKES
from edudet.proposals import to_colour_space
from edudet.proposals.colour_spaces import COLOUR_SPACES


def photo(size=(40, 50), seed=0):
    image = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    image[:4] = image[:4, :, :1]  # grays
    image[0, 0], image[0, 1] = 0, 255
    return image


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(case):
    rgb, space = case.args
    planes = to_colour_space(np.array([[rgb]], dtype=np.uint8), space)
    assert planes.flatten().tolist() == case.expected and planes.dtype == torch.uint8


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


def test_hue_and_saturation_are_those_of_the_standard_library():
    image = photo()
    hue, saturation, value = to_colour_space(image, "hsv").numpy()
    for (y, x), level in np.ndenumerate(value):
        h, s, v = colorsys.rgb_to_hsv(*image[y, x] / 255)
        assert level == round(v * 255)
        assert abs(saturation[y, x] - s * 255) < 1 + 1e-9
        assert abs(hue[y, x] - h * 256) < 1 + 1e-9


def test_lab_is_scikit_images():
    color = pytest.importorskip("skimage.color", reason="scikit-image is a peer")
    image = photo(seed=1)
    lab = color.rgb2lab(image).transpose(2, 0, 1)
    expected = lab * np.array([2.55, 1, 1])[:, None, None] + np.array([0, 128, 128])[:, None, None]
    assert np.abs(to_colour_space(image, "lab").numpy() - expected).max() < 0.51


def test_gray_is_opencvs():
    cv2 = pytest.importorskip("cv2", reason="OpenCV is a peer")
    image = photo(seed=2)
    expected = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(int)
    assert np.abs(to_colour_space(image, "gray")[0].numpy() - expected).max() <= 1


@pytest.mark.parametrize("space", ["hsv", "rgI"])
def test_a_shadow_leaves_hue_and_shares(space):
    image = photo(seed=3) // 2 * 2
    bright, dark = (to_colour_space(i, space).int() for i in (image, image // 2))
    assert torch.equal(bright[:2], dark[:2]) and not torch.equal(bright[2], dark[2])


@pytest.mark.parametrize("space", COLOUR_SPACES)
def test_shapes_and_layouts(space):
    image = photo()
    planes = to_colour_space(image, space)
    assert planes.shape == (1 if space in ("gray", "H") else 3, 40, 50) and planes.is_contiguous()
    assert torch.equal(to_colour_space(torch.from_numpy(image), space), planes)
    assert torch.equal(to_colour_space(image[:, ::-1], space), planes.flip(2))
    assert to_colour_space(image[:0], space).shape == (len(planes), 0, 50)


GOOD = np.zeros((2, 2, 3), np.uint8)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((GOOD, "xyz"), ValueError, "colour space must be one of rgb, .*, H, got 'xyz'"),
        ((GOOD, ["rgb"]), ValueError, "colour space must be one of"),
        ((GOOD / 255, "rgb"), ValueError, "image must have dtype uint8, got float64"),
        ((GOOD[0], "rgb"), ValueError, r"image must have shape \(H, W, 3\), got \(2, 3\)"),
        (([0], "rgb"), TypeError, "to_colour_space: image must be an array or a Tensor, got list"),
        ((np.array([["a"]]), "rgb"), TypeError, "image must be an array of numbers"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        to_colour_space(*arguments)

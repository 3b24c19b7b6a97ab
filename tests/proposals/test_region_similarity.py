import numpy as np
import pytest
import torch

from edudet.cases.proposals.region_similarity import CASES, MISTAKES
from edudet.proposals import region_similarity
from edudet.proposals.region_similarity import (
    SIMILARITIES,
    Region,
    colour_bins,
    regions_of,
    texture_bins,
)


def region(size, box, colour, texture):
    return Region(size, box, np.array(colour, float), np.array(texture, float))


def random_planes(channels, height, width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (channels, height, width), generator=generator).byte()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_examples(case):
    a, b, area, kinds = case.args
    assert region_similarity(region(*a), region(*b), area, kinds) == case.expected
    assert region_similarity(region(*b), region(*a), area, kinds) == case.expected


@pytest.mark.parametrize("mistake", MISTAKES)
def test_worked_examples_catch(mistake):
    assert any(MISTAKES[mistake](*case.args) != case.expected for case in CASES), "no case bites"


@pytest.mark.parametrize("channels", [1, 3])
def test_regions_are_counted_like_with_numpy(channels):
    planes = random_planes(channels, 9, 11)
    labels = torch.randint(0, 4, (9, 11), generator=torch.Generator().manual_seed(1))
    regions = regions_of(labels, planes)
    for number, found in enumerate(regions):
        inside = labels.numpy() == number
        assert found.size == inside.sum() and len(regions) == 4
        y, x = inside.nonzero()
        assert found.box == (x.min(), y.min(), x.max() + 1, y.max() + 1)
        for c in range(channels):
            expected, _ = np.histogram(planes[c].numpy()[inside], 25, (0, 256))
            assert found.colour[25 * c : 25 * c + 25].tolist() == expected.tolist()
        assert found.texture.reshape(-1, 10).sum(1).tolist() == [found.size] * (8 * channels)


def test_a_merged_region_is_that_of_the_joint_label():
    planes = random_planes(3, 8, 9)
    labels = torch.randint(0, 3, (8, 9), generator=torch.Generator().manual_seed(2))
    a, b, _ = regions_of(labels, planes)
    joint, _ = regions_of((labels == 2).long(), planes)
    merged = a.merged(b)
    assert (merged.size, merged.box) == (joint.size, joint.box)
    assert np.array_equal(merged.colour, joint.colour)
    assert np.array_equal(merged.texture, joint.texture)


def test_a_region_is_like_itself():
    (whole,) = regions_of(torch.zeros(5, 6, dtype=torch.int64), random_planes(3, 5, 6))
    assert region_similarity(whole, whole, 30, ("colour", "texture")) == 2
    assert 0 <= region_similarity(whole, whole, 120, SIMILARITIES) <= 4


def test_texture_knows_the_direction_of_a_step():
    step = torch.zeros(1, 16, 16, dtype=torch.uint8)
    step[:, :, 8:] = 200  # rises to the right
    bins = texture_bins(step)
    assert bins.shape == (8, 16, 16) and bins.max() == 9
    assert [b.max().item() for b in bins] == [9, 7, 0, 0, 0, 0, 0, 7]  # 7.07 at 45 degrees
    turned = texture_bins(step.transpose(1, 2).contiguous())
    assert [b.max().item() for b in turned] == [0, 7, 9, 7, 0, 0, 0, 0]
    assert texture_bins(torch.full((1, 4, 4), 9, dtype=torch.uint8)).max() == 0


def test_slopes_are_those_of_a_gaussian():
    ndimage = pytest.importorskip("scipy.ndimage", reason="scipy is a peer")
    plane = random_planes(1, 30, 40, seed=3)
    wave = ndimage.gaussian_filter(plane[0].numpy().astype(float), 3) * 4 % 256
    wave = torch.from_numpy(ndimage.gaussian_filter(wave, 2).astype(np.uint8))[None]
    slopes = [
        ndimage.gaussian_filter(wave[0].numpy().astype(float), 1, order=order, mode="nearest")
        for order in ((0, 1), (1, 0))
    ]
    inner = slice(2, -2), slice(2, -2)
    for k, bins in enumerate(texture_bins(wave)):
        angle = k * np.pi / 4
        slope = slopes[0] * np.cos(angle) + slopes[1] * np.sin(angle)
        rises = np.corrcoef(slope.clip(0)[inner].ravel(), bins[inner].ravel())[0, 1]
        assert rises > 0.97


def test_colour_bins():
    levels = torch.arange(256).byte().reshape(1, 16, 16)
    bins = colour_bins(levels)
    assert (bins.min(), bins.max()) == (0, 24)
    assert set(np.bincount(bins.ravel())) == {10, 11}

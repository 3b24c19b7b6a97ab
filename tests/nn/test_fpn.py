"""Feature pyramid: what goes down, and from which level a box is taken."""

import pytest
import torch
from models.calibrated import torchvision_detection
from torch import nn
from torch.testing import assert_close

from edudet.models.published.two_stage import our_name
from edudet.nn.fpn import FeaturePyramid, MultiScaleRoIAlign, PyramidBackbone, roi_levels
from edudet.nn.small import SmallNet
from edudet.ops import roi_align, roi_pool


def maps_of(*channels, size=(32, 48), seed=0, dtype=torch.float32, images=2):
    """Maps of stride 4, 8, ... of images of a size."""
    generator = torch.Generator().manual_seed(seed)
    grids = [[-(-side // 2**k) for side in size] for k in range(2, 2 + len(channels))]
    return [
        torch.randn(images, c, *grid, generator=generator).to(dtype)
        for c, grid in zip(channels, grids, strict=True)
    ]  # fmt: skip


def test_the_way_down_by_hand():
    """1x1 convolutions that copy and 3x3 ones that double: every map gets those above it."""
    pyramid = FeaturePyramid((1, 1, 1), 1)
    for lateral, smooth in zip(pyramid.lateral, pyramid.smooth, strict=True):
        nn.init.ones_(lateral.weight)
        nn.init.zeros_(smooth.weight)
        smooth.weight.data[0, 0, 1, 1] = 2
    c5 = torch.tensor([[1.0, 2.0]])[None, None]
    c4 = torch.tensor([[10.0, 20.0, 30.0]])[None, None]  # odd: no multiple of c5's
    c3 = torch.zeros(1, 1, 2, 6)
    p3, p4, p5, p6 = pyramid([c3, c4, c5])
    assert p5.tolist() == [[[[2, 4]]]]
    assert p4.tolist() == [[[[22, 42, 64]]]]  # cells 0, 0, 1 of c5
    assert p3.tolist() == [[[[22, 22, 42, 42, 64, 64]] * 2]]
    assert p6.tolist() == [[[[2]]]]


@pytest.mark.parametrize("size", [(64, 96), (72, 100)])
def test_pyramid_is_that_of_torchvision(size):
    torchvision_detection()
    from torchvision.ops import FeaturePyramidNetwork
    from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

    theirs = FeaturePyramidNetwork([8, 16, 24], 12, LastLevelMaxPool()).double()
    ours = FeaturePyramid((8, 16, 24), 12).double()
    names = {our_name(f"backbone.fpn.{key}"): value for key, value in theirs.state_dict().items()}
    ours.load_state_dict({key.removeprefix("backbone.fpn."): v for key, v in names.items()})
    maps = maps_of(8, 16, 24, size=size, dtype=torch.float64)
    expected = theirs({str(i): one for i, one in enumerate(maps)})
    assert_close(ours(maps), list(expected.values()), rtol=0, atol=1e-12)


@pytest.mark.parametrize("extra_level", [True, False])
def test_backbone_and_pyramid(extra_level):
    backbone = PyramidBackbone(SmallNet(), 16, extra_level)
    maps = backbone(torch.rand(2, 3, 64, 96))
    assert backbone.out_channels == 16
    assert backbone.strides == ((4, 8, 16, 32) if extra_level else (4, 8, 16))
    assert [tuple(one.shape) for one in maps] == [
        (2, 16, 64 // s, 96 // s) for s in backbone.strides
    ]


@pytest.mark.parametrize(
    ("side", "level"),
    [(1, 2), (111, 2), (112, 3), (223, 3), (224, 4), (447, 4), (448, 5), (5000, 5), (0, 2)],
)
def test_levels_of_the_paper(side, level):
    """Equation 1: 224 px is level 4, a factor of two one level; kept within 2 and 5."""
    box = torch.tensor([[10.0, 20.0, 10.0 + side, 20.0 + side]])
    assert roi_levels(box, 2, 5).tolist() == [level]
    assert roi_levels(box.double(), 2, 5).tolist() == [level]


def test_levels_go_by_area_and_can_be_moved():
    boxes = torch.tensor([[0.0, 0, 448, 112], [0, 0, 28, 28]])
    assert roi_levels(boxes, 2, 5).tolist() == [4, 2]
    assert roi_levels(boxes, 2, 4, canonical_scale=28, canonical_level=3).tolist() == [4, 3]
    assert roi_levels(torch.zeros(0, 4), 2, 5).shape == (0,)


def some_boxes(count, size, seed):
    generator = torch.Generator().manual_seed(seed)
    side = 50 * 12 ** torch.rand(count, 2, generator=generator)
    corner = torch.rand(count, 2, generator=generator) * torch.tensor([size[1], size[0]]) - side / 2
    return torch.cat([corner, corner + side], 1)


@pytest.mark.parametrize("pool", ["align", "max"])
def test_every_box_is_pooled_from_its_level(pool):
    sizes = [(300, 500), (512, 400)]
    maps = maps_of(3, 3, 3, 3, size=(512, 512))
    boxes = [some_boxes(9, sizes[0], 0), some_boxes(6, sizes[1], 1)]
    pooled = MultiScaleRoIAlign(5, 2, pool=pool)(maps, boxes, sizes)
    assert pooled.shape == (15, 3, 5, 5)
    every = [(i, box) for i, group in enumerate(boxes) for box in group]
    used = set()
    for features, (i, box) in zip(pooled, every, strict=True):
        level = int(roi_levels(box[None], 2, 5))
        used.add(level)
        roi = torch.cat([torch.tensor([float(i)]), box])[None]
        one = maps[level - 2]
        expected = (
            roi_align(one, roi, 5, 2.0**-level, 2)
            if pool == "align"
            else roi_pool(one, roi, 5, 2.0**-level)
        )
        assert_close(features, expected[0], rtol=0, atol=1e-5)
    assert len(used) >= 3


def test_pooling_is_that_of_torchvision_with_its_gradient():
    torchvision_detection()
    from torchvision.ops import MultiScaleRoIAlign as Theirs

    sizes = [(300, 500), (512, 400)]
    boxes = [some_boxes(9, sizes[0], 0).double(), some_boxes(6, sizes[1], 1).double()]
    maps = [m.requires_grad_() for m in maps_of(3, 3, 3, 3, size=(512, 512), dtype=torch.float64)]
    theirs = Theirs(["0", "1", "2", "3"], 7, 2)(
        {str(i): m for i, m in enumerate(maps)}, boxes, sizes
    )
    ours = MultiScaleRoIAlign(7, 2)(maps, boxes, sizes)
    assert_close(ours, theirs, rtol=0, atol=1e-12)
    seed = torch.randn(ours.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for mine, other in zip(
        torch.autograd.grad(ours, maps, seed), torch.autograd.grad(theirs, maps, seed), strict=True
    ):
        assert_close(mine, other, rtol=0, atol=1e-10)


@pytest.mark.parametrize("size", [(33, 40), (33, 200), (200, 45), (64, 64), (40, 17)])
def test_strides_are_right_however_much_is_padded(size):
    """A small or oblong image fills little of its batch; its strides are 4 and 8 all the same."""
    height, width = (-(-side // 32) * 32 for side in size)
    maps = maps_of(2, 2, size=(height, width), images=1)
    box = torch.tensor([[3.0, 4.0, 15.0, 16.0]])
    pool = MultiScaleRoIAlign(3, 2, num_levels=2, canonical_scale=28, canonical_level=3)
    expected = roi_align(maps[0], [box], 3, 0.25, 2)
    assert_close(pool(maps, [box], [size]), expected, rtol=0, atol=1e-5)


def test_one_level_and_no_boxes():
    maps = maps_of(4, images=2)
    boxes = [some_boxes(3, (32, 48), 0), torch.zeros(0, 4)]
    pool = MultiScaleRoIAlign(2, 2, num_levels=1)
    expected = roi_align(maps[0], boxes, 2, 0.25, 2)
    assert_close(pool(maps, boxes, [(32, 48)] * 2), expected)
    many = [m.requires_grad_() for m in maps_of(4, 4, 4)]
    nothing = MultiScaleRoIAlign(2)(many, [torch.zeros(0, 4)] * 2, [(32, 48)] * 2)
    assert nothing.shape == (0, 4, 2, 2)
    gradients = torch.autograd.grad(nothing.sum(), many)
    assert all(not gradient.any() for gradient in gradients)


def test_a_pool_that_does_not_exist():
    with pytest.raises(ValueError, match='pool must be "align" or "max", got \'mean\''):
        MultiScaleRoIAlign(7, pool="mean")

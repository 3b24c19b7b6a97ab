import pytest
import torch

from edudet import draw
from edudet.draw.models.fpn import draw_designs, show_strides, step_levels, step_top_down
from edudet.nn.fpn import FeaturePyramid, roi_levels
from pictures import outlines

pytestmark = pytest.mark.filterwarnings("error")


def test_cells_have_their_mean_and_lie_where_they_are():
    image = torch.zeros(3, 8, 8)
    image[:, 4:, :4] = 1  # lower left
    figure = show_strides(image, torch.tensor([[0.0, 4, 4, 8]]), (2, 4, 8))
    assert [ax.get_title() for ax in figure.axes] == ["stride 2", "stride 4", "stride 8"]
    told = [ax.texts[-1].get_text() for ax in figure.axes]
    assert told == ["A: 2.0 × 2.0 cells", "A: 1.0 × 1.0 cells", "A: 0.5 × 0.5 cells"]
    _, middle, coarse = (ax.images[0] for ax in figure.axes)
    assert middle.get_array()[..., 0].tolist() == [[0, 0], [1, 0]]
    assert coarse.get_array()[..., 0].tolist() == [[0.25]]
    assert middle.get_extent() == coarse.get_extent() == [0, 8, 8, 0]
    assert figure.axes[2].get_xlim() == (0, 8) and figure.axes[2].get_ylim() == (8, 0)
    figure.png()


def test_a_response_covers_the_pixels_of_its_cell():
    _, axes = draw.new_figure(2, 2)
    response = torch.tensor([[0.0, 0.5], [1.0, 2.0]], requires_grad=True)
    draw.show_response(axes, torch.rand(3, 16, 16), response, "p")
    photo, shown = axes.images
    assert shown.get_extent() == photo.get_extent() == [0, 16, 16, 0]
    alpha = torch.as_tensor(shown.get_alpha())
    assert torch.allclose(alpha, torch.tensor([[0, 0.4], [0.8, 0.8]]))


def test_who_predicts_in_each_design():
    figure = draw_designs()
    orange = {
        ax.get_title(): sum(
            text.arrow_patch.get_linewidth() == 2 for text in ax.texts if text.arrow_patch
        )
        for ax in figure.axes
    }
    assert orange == {"image pyramid": 3, "one deep map": 1, "every map": 3, "feature pyramid": 3}
    figure.png()


def written(axes):
    return [text.get_text() for text in axes.texts]


def test_the_way_down_adds_what_is_above():
    laterals = [torch.eye(4), torch.tensor([[0.0, 0], [0, 2]]), torch.tensor([[5.0]])]
    pyramid = FeaturePyramid([1, 1, 1], 1, extra_level=False)
    with torch.no_grad():
        for lateral, smooth in zip(pyramid.lateral, pyramid.smooth, strict=True):
            lateral.weight[:], smooth.weight[:] = 1, 0
            smooth.weight[:, :, 1, 1] = 1
        merged = [one[0, 0] for one in pyramid([one[None, None] for one in laterals])]
    steps = step_top_down(laterals, merged)
    assert len(steps) == 3 and steps.captions[2].startswith("4 × 4:")
    above, enlarged, lateral, total = steps.figure(1).axes
    assert (written(above), written(enlarged)) == (["5"], ["5"] * 4)
    assert (written(lateral), written(total)) == (["0", "0", "0", "2"], ["5", "5", "5", "7"])
    assert above.images[0].get_extent() == total.images[0].get_extent() == [0, 4, 4, 0]
    assert [ax.get_title() for ax in steps.figure(0).axes] == ["", "", "lateral map", "sum"]
    steps.figure(2).png()


def test_an_object_grows_from_level_to_level():
    sides = [14, 28, 56]
    levels = roi_levels(torch.tensor([[0.0, 0, side, side] for side in sides]), 2, 4, 28, 3)
    steps = step_levels(sides, levels, 64)
    assert steps.captions == [
        "side 14: level 2, stride 4, 3.5 cells wide",
        "side 28: level 3, stride 8, 3.5 cells wide",
        "side 56: level 4, stride 16, 3.5 cells wide",
    ]
    for i, stride in enumerate((4, 8, 16)):
        left, right = steps.figure(i).axes
        assert len(left.collections[0].get_segments()) == 64 // stride + 1
        (box,) = left.collections[-1].get_paths()
        assert box.get_extents().extents.tolist() == pytest.approx(
            [32 - sides[i] / 2] * 2 + [32 + sides[i] / 2] * 2
        )
        assert right.lines[-1].get_xydata().tolist() == [[sides[i], 3.5]]
    steps.figure(0).png()


def test_boxes_lie_on_their_level():
    boxes = torch.tensor([[0.0, 0, 10, 10], [8, 8, 40, 40]])
    figure = draw.draw_roi_levels(torch.zeros(3, 48, 64), boxes, torch.tensor([2, 3]),
                                  {2: "P2", 3: "P3"})  # fmt: skip
    fine, coarse = figure.axes
    assert fine.get_title() == "P2, stride 4: 1 boxes"
    assert outlines(fine)[-1] == (0, 0, 10, 10) and outlines(coarse)[-1] == (8, 8, 32, 32)
    lines = [group for group in coarse.collections if hasattr(group, "get_segments")]
    assert [len(group.get_segments()) for group in lines] == [9, 7]  # every 8 pixels
    assert figure.png()

import torch

from edudet import draw
from edudet.draw.targets.matching import draw_labels, draw_overlaps, label_names
from edudet.targets import masked_targets

SQUARE = torch.tensor([[0.0, 0, 10, 10]])


def over(*heights):
    """Anchors with an IoU of height / 10 with SQUARE."""
    return torch.tensor([[0.0, 0, 10, height] for height in heights])


def test_names_tell_the_best_from_the_positive():
    assert label_names(over(8, 5, 2), SQUARE) == ["positive", "ignored", "negative"]
    assert label_names(over(5, 4, 2), SQUARE) == ["best", "ignored", "negative"]
    assert label_names(over(5, 4, 2), SQUARE, 0.5, 0.5) == ["positive", "negative", "negative"]
    assert label_names(over(5), torch.zeros(0, 4)) == ["negative"]


def test_labels_have_their_colours():
    from matplotlib.colors import to_hex

    _, axes = draw.new_figure(3, 2)
    anchors = over(8, 5, 2)
    draw_labels(axes, anchors, SQUARE, label_names(anchors, SQUARE))
    dots = {line.get_color(): line.get_xydata().tolist() for line in axes.lines}
    assert dots[draw.COLOURS["kept"]] == [[5, 4]]
    assert dots[draw.COLOURS["marked"]] == [[5, 2.5]]
    assert dots[draw.COLOURS["faint"]] == [[5, 1]]
    heights = {
        to_hex(part.get_edgecolor()[0]).upper(): part.get_paths()[0].get_extents().height
        for part in axes.collections
        if len(part.get_paths())
    }
    assert heights == {
        draw.COLOURS["truth"]: 10, draw.COLOURS["kept"]: 8, draw.COLOURS["marked"]: 5,
    }  # fmt: skip


def test_overlaps_are_sorted_between_the_thresholds():
    _, axes = draw.new_figure(3, 2)
    anchors = over(2, 8, 5)
    draw_overlaps(axes, anchors, SQUARE, label_names(anchors, SQUARE))
    dots = [(line.get_xydata()[0].tolist(), line.get_color()) for line in axes.lines[:3]]
    assert [round(y, 4) for (_, y), _ in dots] == [0.8, 0.5, 0.2]
    assert [colour for _, colour in dots] == [
        draw.COLOURS[name] for name in ("kept", "marked", "faint")
    ]
    assert [line.get_ydata()[0] for line in axes.lines[3:]] == [0.7, 0.3]


def test_an_object_moves_from_anchor_to_anchor():
    """Squares of 32 every 16 pixels. Right on one: IoU 1, its four neighbours 1/3; half a cell off
    both ways: four share IoU 24 * 24 / (2 * 32 * 32 - 24 * 24) = .39."""
    from edudet.proposals import generate_anchors, grid_anchors

    anchors = grid_anchors(generate_anchors((32,), (1.0,)), (5, 6), 16, 0.5)
    moved = [torch.tensor([[24.0 + d, 24 + d, 56 + d, 56 + d]]) for d in (0, 8, 16)]
    for image in (None, torch.zeros(80, 96)):
        steps = draw.step_labels(anchors, torch.stack(moved), image=image)
        assert len(steps) == 3
        assert steps.captions[0] == (
            "best IoU 1.00: 1 positive, 0 best, 4 ignored, 25 negative"
        )  # fmt: skip
        assert steps.captions[1].startswith("best IoU 0.39: 0 positive, 4 best, 0 ignored")
        assert steps.captions[2] == steps.captions[0]
        for i in range(3):
            assert len(steps.figure(i).axes) == 2


def test_the_table_of_the_masked_loss():
    labels, deltas = torch.tensor([1, 0, 0]), torch.tensor([[0.25, -0.5, 0.125, 0.75]] * 3)
    targets, mask = masked_targets(labels, deltas)
    figure = draw.draw_masked({"Y": targets, "M": mask}, mask, ["on", "off", "off"], hide=["Y"])
    (axes,) = figure.axes
    texts = [text.get_text() for text in axes.texts]
    assert texts[:15] == ["1", "0.25", "-0.5", "0.125", "0.75", *(["0"] + ["–"] * 4) * 2]
    assert texts[15:30] == ["1"] * 5 + (["1"] + ["0"] * 4) * 2
    assert texts[30:] == ["on", "off", "off"]
    assert axes.images[0].get_array().sum() == 2 * 7  # two rows, 7 of 15 entries count
    figure.png()

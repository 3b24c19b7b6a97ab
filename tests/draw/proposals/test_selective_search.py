import warnings

import pytest
import torch
from matplotlib.offsetbox import AnnotationBbox

from edudet import draw
from edudet.draw.proposals.selective_search import draw_hierarchy, touching_pairs
from edudet.proposals import felzenszwalb, merge_regions
from edudet.proposals.merge_regions import _neighbours

BLOCKS = torch.tensor([[0, 0, 0, 1, 1], [0, 0, 0, 1, 2], [3, 3, 3, 3, 2]])


@pytest.fixture
def by_size():
    """A tree worked by hand in the task of merge_regions, its planes and its image."""
    planes = torch.zeros(1, 3, 5, dtype=torch.uint8)
    (tree,) = merge_regions(BLOCKS, planes, [("size",)])
    return tree, planes, (BLOCKS / 4).expand(3, -1, -1)


@pytest.fixture
def noisy():
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randint(0, 256, (3, 4, 5), generator=generator)
    planes = coarse.repeat_interleave(6, 1).repeat_interleave(6, 2)
    planes = (planes + torch.randint(0, 9, planes.shape, generator=generator)).clamp(max=255).byte()
    labels = felzenszwalb(planes.permute(1, 2, 0), 60, 0, 8)
    (tree,) = merge_regions(labels, planes)
    return tree, planes, planes


def png(figure):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return figure.png()


def test_steps_of_the_hand_worked_tree(by_size):
    steps = draw.step_merges(*by_size, ("size",))
    assert steps.captions == [
        "4 regions: 1 and 2 are most alike (0.667) and become 4",
        "3 regions: 3 and 4 are most alike (0.400) and become 5",
        "2 regions: 0 and 5 are most alike (0.000) and become 6",
        "one region is left; the boxes of all 7 there have been",
    ]
    figures = [steps.figure(i) for i in range(len(steps))]
    assert all(len(png(figure)) > 1000 for figure in figures)
    left, right = figures[0].axes
    box = left.collections[-1].get_paths()[0].get_extents()
    assert box.bounds == (3, 0, 2, 3)  # around 1 and 2 together
    assert [text.get_text() for text in right.get_yticklabels()] == [
        "1, 2", "2, 3", "1, 3", "0, 1", "0, 3",
    ]  # fmt: skip


def test_the_best_bar_is_the_pair_that_is_merged(noisy):
    tree, *_ = noisy
    steps = draw.step_merges(*noisy)
    assert len(steps) == len(tree.merges) + 1 > 5
    for t, (a, b) in list(enumerate(tree.merges.tolist()))[::4]:
        figure = steps.figure(t)
        right = figure.axes[1]
        assert right.get_yticklabels()[0].get_text() == f"{a}, {b}"
        sums = [float(text.get_text()) for text in right.texts]
        assert sums[0] == pytest.approx(float(tree.similarity[t]), abs=6e-4)
        assert sums == sorted(sums, reverse=True) and len(sums) <= 6
    png(steps.figure(-1))


def test_only_the_kinds_that_count_have_bars(noisy):
    tree, planes, image = noisy
    (other,) = merge_regions(tree.labels, planes, [("colour", "fill")])
    right = draw.step_merges(other, planes, image, ("colour", "fill")).figure(0).axes[1]
    names = [text.get_text() for text in right.get_xticklabels()]
    assert names == ["colour", "fill", "sum"]


def test_touching_pairs_are_the_librarys(noisy):
    for labels in (BLOCKS, noisy[0].labels, torch.tensor([[0, 1], [2, 0]]), torch.tensor([[0]])):
        expected = sorted((a, b) for a, near in _neighbours(labels).items() for b in near if a < b)
        assert touching_pairs(labels) == expected


def test_every_region_has_a_picture_at_its_height(by_size):
    tree, _, image = by_size
    figure = draw_hierarchy(tree, image)
    png(figure)
    (axes,) = figure.axes
    places = [box.xy for box in axes.artists if isinstance(box, AnnotationBbox)]
    assert len(places) == len(tree.sizes)
    assert [y for _, y in places] == [0, 0, 0, 0, 1, 2, 3]
    x = [x for x, _ in places]
    assert sorted(x[:4]) == [0, 1, 2, 3]
    assert x[4] == (x[1] + x[2]) / 2 and x[5] == (x[3] + x[4]) / 2 and x[6] == (x[0] + x[5]) / 2


def test_a_picture_shows_its_region_only(by_size):
    tree, _, image = by_size
    boxes = draw_hierarchy(tree, image).axes[0].artists
    picture = boxes[5].offsetbox.get_data()  # 1, 2 and 3: all but the upper left
    assert picture.shape == (3, 5, 3)
    assert (picture[:2, :3] == 1).all() and (picture[2, :4] == 0.75).all()


def test_recall_ends_where_the_last_box_is_counted():
    truth = [torch.tensor([[0.0, 0, 4, 4], [8, 0, 12, 4], [0, 8, 4, 12], [8, 8, 12, 12]])]
    nowhere = torch.full((5, 4), 20.0) + torch.tensor([0.0, 0, 4, 4])
    boxes = [torch.cat([nowhere, truth[0][:3]])]
    figure = draw.draw_recall(truth, {"a": boxes, "b": truth})
    png(figure)
    a, b = figure.axes[0].lines
    assert [line.get_label() for line in (a, b)] == ["a", "b"]
    assert (a.get_xdata()[0], a.get_ydata()[0]) == (1, 0)
    assert (a.get_xdata()[-1], a.get_ydata()[-1]) == (8, 0.75)
    assert b.get_ydata().tolist() == [0.25, 0.5, 0.75, 1]
    assert figure.axes[0].get_xscale() == "log"

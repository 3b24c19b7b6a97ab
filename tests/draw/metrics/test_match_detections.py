import warnings

import pytest
import torch

from edudet import draw
from edudet.draw.metrics.match_detections import (
    _draw_table,
    draw_matches,
    step_detections,
    step_matching,
)
from edudet.metrics import match_detections

# IoU: (G1, P2) .9, (G0, P0) .8, (G0, P1) .6
OBJECTS = torch.tensor([[0, 0, 36, 36], [60, 0, 96, 40]]).float()
FOUND = torch.tensor([[4, 0, 40, 36], [0, 9, 36, 45], [60, 4, 96, 40]]).float()
SCORES = torch.tensor([0.25, 0.75, 0.5])
# P0 overlaps both, G0 more; P1 overlaps G0 only
COUPLE = torch.tensor([[0, 0, 40, 60], [16, 10, 56, 70]]).float()
TWO, TWO_SCORES = torch.tensor([[7.0, 3, 47, 63], [-8, 10, 32, 60]]), torch.tensor([0.5, 0.75])


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def colours_of_detections(axes):
    """The colour of each named box: names are drawn on a ground of its colour."""
    from matplotlib.colors import to_hex

    named = {text.get_text().split()[0]: text for text in axes.texts}
    meanings = {value.lower(): name for name, value in draw.COLOURS.items()}
    return {
        name: meanings[to_hex(text.get_bbox_patch().get_facecolor())]
        for name, text in named.items() if name.startswith("P")
    }  # fmt: skip


def test_pairs_by_overlap():
    steps = step_matching(OBJECTS, FOUND, SCORES, 0.5, "pairs")
    assert steps.captions == [
        "(G1, P2), IoU 0.90: both are free",
        "(G0, P0), IoU 0.80: both are free",
        "(G0, P1), IoU 0.60: G0 is taken",
        "2 right, 1 wrong, 0 missed: precision 2/3, recall 2/2",
    ]
    seen = [colours_of_detections(steps.figure(k).axes[0]) for k in range(4)]
    assert seen[0] == {"P0": "marked", "P1": "marked", "P2": "kept"}
    assert seen[3] == {"P0": "kept", "P1": "dropped", "P2": "kept"}


def test_a_taken_detection_is_named():
    steps = step_matching(COUPLE, TWO, TWO_SCORES, 0.5, "pairs")
    assert [caption.split(": ")[1] for caption in steps.captions[:3]] == [
        "both are free", "G0 is taken", "P0 is taken",
    ]  # fmt: skip


def test_by_confidence():
    steps = step_matching(OBJECTS, FOUND, SCORES, 0.5)
    assert [caption[:2] for caption in steps.captions[:3]] == ["P1", "P2", "P0"]
    assert "P0 (score 0.25) comes too late for G0: wrong" in steps.captions
    seen = [colours_of_detections(steps.figure(k).axes[0]) for k in range(4)]
    assert seen[0] == {"P0": "marked", "P1": "kept", "P2": "marked"}
    assert seen[2] == seen[3] == {"P0": "dropped", "P1": "kept", "P2": "kept"}


def test_the_rules_differ():
    coco, voc = (step_matching(COUPLE, TWO, TWO_SCORES, 0.5, r) for r in ("coco", "voc"))
    assert "P0 (score 0.50) claims G1" in coco.captions[1]
    assert coco.captions[-1].startswith("2 right, 0 wrong, 0 missed")
    assert "comes too late for G0: wrong, and may not look further" in voc.captions[1]
    assert voc.captions[-1] == "1 right, 1 wrong, 1 missed: precision 1/2, recall 1/2"


def test_exactly_on_the_threshold_and_below_it():
    found = torch.tensor([[0.0, 0, 5, 10], [0, 20, 4, 30]])
    objects = torch.tensor([[0.0, 0, 10, 10], [0, 20, 10, 30]])
    steps = step_matching(objects, found, torch.tensor([0.5, 0.25]), 0.5)
    assert "claims G0: IoU 0.50" in steps.captions[0]
    assert "overlaps no object by 0.5: wrong" in steps.captions[1]


@pytest.mark.parametrize("rule", ["coco", "voc", "pairs"])
@pytest.mark.parametrize("n, m", [(3, 0), (0, 2), (3, 2)])
def test_every_step_draws(rule, n, m):
    for image in (None, torch.zeros(50, 100)):
        steps = step_matching(OBJECTS[:m], FOUND[:n], SCORES[:n], 0.5, rule, image)
        for k in range(len(steps)):
            steps.figure(k).png()


def test_the_table_fills_what_is_claimed_and_frames_what_is_looked_at():
    _, axes = draw.new_figure(3, 3)
    _draw_table(
        axes, torch.tensor([[0.8, 0.0], [0.6, 0.0], [0.0, 0.9]]), [1, 2, 0], [0, -1, 1], 2, 1
    )
    places = {text.get_text(): text.get_position() for text in axes.texts}
    assert places["0.60"] == (0, 0) and places["0.90"] == (1, 1) and places["0.80"] == (0, 2)
    frame = axes.patches[-5]  # after it come the two cells of the last row, each twice
    assert frame.get_xy() == (0.5, 0.5) and frame.get_linewidth() == 3


def test_colours_of_matches():
    from matplotlib.colors import to_hex

    found = torch.cat([FOUND, torch.tensor([[200.0, 0, 220, 20]])])
    matches = match_detections(
        OBJECTS, found, torch.ones(4), 0.5, gt_ignore=torch.tensor([False, True])
    )
    _, axes = draw.new_figure(3, 3)
    draw_matches(axes, OBJECTS, found, matches, ["a", "b", "c", "d"])
    drawn = [to_hex(c.get_edgecolor()[0]) for c in axes.collections if len(c.get_paths())]
    wanted = ["second", "truth", "kept", "dropped", "second", "dropped"]
    assert drawn == [draw.COLOURS[name].lower() for name in wanted]
    assert [text.get_text() for text in axes.texts] == ["a", "b", "c", "d"]


def test_detections_by_falling_score():
    scores = torch.tensor([0.25, 0.75, 0.5])
    steps = step_detections(torch.zeros(50, 100), OBJECTS, FOUND, scores)
    assert steps.captions == [
        "score ≥ 0.75: 1 right, 0 wrong, 1 missed; precision 1.00, recall 0.50",
        "score ≥ 0.50: 2 right, 0 wrong, 0 missed; precision 1.00, recall 1.00",
        "score ≥ 0.25: 2 right, 1 wrong, 0 missed; precision 0.67, recall 1.00",
    ]
    titles = []
    for i in range(3):
        figure = steps.figure(i)
        figure.png()
        titles.append(figure.axes[1].get_title(loc="right"))
    assert titles[0] == "AP so far: area 0.50, 11 levels 0.55, 101 levels 0.50"
    assert titles[1] == titles[2] == "AP so far: area 1.00, 11 levels 1.00, 101 levels 1.00"

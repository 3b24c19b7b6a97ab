import re

import pytest

from edudet.draw import COLOURS
from edudet.draw.models.alternating import step_schedule
from edudet.models.two_stage.alternating import STEPS

pytestmark = pytest.mark.filterwarnings("error")


def test_captions_tell_the_plan():
    assert step_schedule(STEPS["paper"]).captions == [
        "step 1: the backbone and the RPN learn",
        "step 2: the backbone and the heads learn; the RPN of step 1 proposes",
        "step 3: the RPN learns; the backbone is fixed",
        "step 4: the heads learn; the backbone is fixed; the RPN of step 3 proposes",
        "what the network is made of in the end",
    ]
    assert step_schedule(STEPS["lecture"]).captions[0] == (
        "step 1: the RPN learns; the backbone is fixed"
    )


def boxes(axes):
    """(column, row) -> what stands there."""
    return {text.get_position(): text.get_text() for text in axes.texts if text.get_bbox_patch()}


@pytest.mark.parametrize("name", STEPS)
def test_a_box_for_each_part_in_use(name):
    steps = STEPS[name]
    drawn = step_schedule(steps)
    rows = ("backbone", "rpn", "box_branch")
    for i in range(len(drawn)):
        (axes,) = drawn.figure(i).axes
        expected = {(0, row): "new" for row in range(3)}
        for number, step in enumerate(steps[: i + 1], 1):
            for row, part in enumerate(rows):
                if part in step.starts:
                    expected[number, row] = "learns" if part in step.trained else "fixed"
        if i == 4:
            expected |= {(5, row): "    " for row in range(3)}
        assert boxes(axes) == expected


def test_arrows_lead_from_where_weights_come():
    (axes,) = step_schedule(STEPS["paper"]).figure(3).axes
    ends = [
        (round(one.xyann[0]), round(one.xy[0]), one.arrow_patch.get_edgecolor())
        for one in axes.texts
        if getattr(one, "arrow_patch", None)
    ]
    orange = tuple(int(COLOURS["marked"][k : k + 2], 16) / 255 for k in (1, 3, 5))
    proposed = [(start, end) for start, end, colour in ends if colour[:3] == orange]
    assert proposed == [(1, 2), (3, 4)]
    weights = sorted((start, end) for start, end, colour in ends if colour[:3] != orange)
    starts = [(s, n) for n, step in enumerate(STEPS["paper"], 1) for s in step.starts.values()]
    assert weights == sorted(starts)
    assert not re.search("learn", step_schedule(STEPS["paper"]).captions[-1])

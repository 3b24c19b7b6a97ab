"""Step-throughs: the same pictures under a slider, on a strip, and as figures."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from edudet import draw
from edudet.draw import steps as module
from edudet.draw.ops.nms import step_nms, step_soft_nms
from edudet.studies.stopwatch import Stopwatch


def numbers(count=8):
    return draw.Steps(
        [f"step {i}" for i in range(count)], lambda axes, i: axes.bar([0], [i + 1]), 3, 2
    )


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"))


def test_each_step_has_its_own_picture():
    steps = numbers()
    assert len(steps) == 8 and "8 pictures" in repr(steps)
    assert steps.figure(3).axes[0].patches[0].get_height() == 4
    assert steps.figure(-1).axes[0].patches[0].get_height() == 8
    assert steps.figure(2).get_suptitle() == "step 2"
    assert not np.array_equal(pixels(steps.png(0)), pixels(steps.png(1)))
    assert steps.png(1) is steps.png(1), "drawn once"
    with pytest.raises(IndexError):
        steps.figure(8)


def test_a_strip_has_the_first_and_the_last():
    strip = numbers().filmstrip()
    titles = [part.get_suptitle() for part in strip.subfigs if part.get_suptitle()]
    assert len(titles) == module.MOST_ON_A_STRIP
    assert titles[0] == "step 0" and titles[-1] == "step 7"
    assert [p.get_suptitle() for p in numbers(1).filmstrip().subfigs] == ["step 0"]
    assert len(numbers().filmstrip([2, 5]).subfigs) == 2


def test_several_axes():
    def both(axes, i):
        axes[0, 0].plot([0, i])
        axes[0, 1].plot([i, 0])

    assert len(draw.Steps(["a", "b"], both, rows=1, columns=2).figure(1).axes) == 2


def test_no_steps_are_an_error():
    with pytest.raises(ValueError, match="captions must name at least one step"):
        draw.Steps([], lambda axes, i: None)


def test_the_slider_changes_the_picture():
    steps = numbers()
    (play, slider), picture = (lambda box: (box.children[0].children, box.children[1]))(
        steps.widget()
    )
    assert play.max == slider.max == 7
    before = bytes(picture.value)
    slider.value = 5
    assert bytes(picture.value) == steps.png(5) != before


def test_without_a_kernel_there_is_the_strip(monkeypatch):
    bundle = numbers()._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" not in bundle
    assert pixels(base64.b64decode(bundle["image/png"])).std() > 5
    monkeypatch.setattr(module, "_answers", lambda: True)
    bundle = numbers()._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle and "image/png" in bundle


STACK = torch.tensor([[0, 0, 8, 8], [0, 2, 8, 10], [0, 4, 8, 12]]).float()
SCORES = torch.tensor([0.75, 0.5, 0.25])


def test_suppression_box_by_box():
    steps = step_nms(STACK, SCORES, 0.5)
    assert steps.captions[1] == "keep 0 (score 0.75), drop 1: IoU > 0.5; 1 left"
    assert steps.captions[-1] == "2 of 3 boxes are kept"
    for i in range(len(steps)):
        bars = steps.figure(i).axes[1].patches
        assert [round(bar.get_width(), 2) for bar in bars] == [0.75, 0.5, 0.25]
    image = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert len(step_nms(STACK, SCORES, 0.5, image).figure(1).axes[0].images) == 1


def test_soft_suppression_lowers_scores():
    steps = step_soft_nms(STACK, SCORES, iou_threshold=0.5)
    assert "1: 0.50 → 0.20" in steps.captions[1]  # IoU 48 / 80
    shadows_and_bars = steps.figure(1).axes[1].patches
    assert sorted(round(bar.get_width(), 2) for bar in shadows_and_bars) == [
        0.2, 0.25, 0.25, 0.5, 0.75, 0.75,
    ]  # fmt: skip


def test_times_are_drawn_longest_first():
    figure = draw.draw_times({"quick": 1e-6, "slow": 2e-3})
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["slow", "quick"]
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["2 ms   2,000×", "1 µs"]


def test_a_race_calls_every_form():
    called = []
    forms = {name: lambda x, name=name: called.append((name, x)) for name in ("a", "b")}
    figure = draw.race(forms, 3, at_least=0.001)
    assert {("a", 3), ("b", 3)} == set(called) and len(figure.axes[0].patches) == 2


def test_source_is_what_runs():
    from edudet.ops.nms import iou_of_pair, nms_loop

    shown = draw.source_of(iou_of_pair)
    assert str(shown).startswith("def iou_of_pair(") and '"""' not in str(shown)
    assert '"""IoU of two boxes' in str(draw.source_of(iou_of_pair, docstring=True))
    assert shown._repr_markdown_().startswith("`edudet/ops/nms.py, line ")
    assert "nms_steps" in str(draw.source_of(nms_loop))


def test_the_source_of_what_a_decorator_has_wrapped():
    shown = draw.source_of(Stopwatch.stage)
    assert "def stage(" in str(shown) and shown.place.startswith("edudet/studies/stopwatch.py")
    kernel = draw.kernel_source("cuda/nms.cuh", "nms_mask_kernel_1")
    assert "__global__" in str(kernel) and str(kernel).startswith("// Block")
    assert str(kernel).endswith("}") and "```cpp" in kernel._repr_markdown_()
    with pytest.raises(ValueError, match=r"must be functions of csrc/cuda/nms.cuh, got 'gone'"):
        draw.kernel_source("cuda/nms.cuh", "gone")

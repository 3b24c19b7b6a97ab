"""Step-throughs: the same pictures under a slider, on a strip, and as figures."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from edudet import draw
from edudet.draw import steps as module


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

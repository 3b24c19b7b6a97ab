import pytest

from edudet import draw
from edudet.studies.stopwatch import Stopwatch


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

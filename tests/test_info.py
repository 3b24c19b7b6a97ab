"""`edudet info`: every operator, every form, and why one cannot run."""

import pytest
import torch
from click.testing import CliRunner

from conftest import require
from edudet import native
from edudet.cli import main
from edudet.info import obstacle, operators
from edudet.ops import soft_nms


def test_info():
    result = CliRunner().invoke(main, ["info"])
    assert result.exit_code == 0
    for word in ("box_iou", "nms", "roi_align", "CUDA emulated", "torch", "threads"):
        assert word in result.output


def test_what_was_never_written():
    found = {(one.stem, one.function): one for one in operators()}
    assert obstacle(found["nms", ""], "loop") is None
    assert obstacle(found["soft_nms", ""], "cuda") == "-"
    assert obstacle(found["anchors", ""], "native") == "-"
    assert obstacle(found["unpool", "max_unpool2d"], "vectorized") is None


def test_a_kernel_for_the_cpu_alone_says_so():
    """An operator without a CUDA kernel has none in the emulated library either."""
    require(native.missing("emulated"), "native")
    boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0]])
    with native.namespace(native.NAMESPACES["emulated"]):
        assert native.obstacle("soft_nms", boxes) == "soft_nms has no CUDA kernel"
        with pytest.raises(RuntimeError, match="soft_nms_native: soft_nms has no CUDA kernel"):
            native.require("soft_nms", boxes)
        keep, scores = soft_nms(boxes, torch.tensor([0.5]))  # in the vectorised form
    assert keep.tolist() == [0] and scores.tolist() == [0.5]

"""`edudet info`: every operator, every form, and why one cannot run."""

from importlib import import_module

import pytest
import torch
from click.testing import CliRunner

from conftest import require
from edudet import native
from edudet.cli import main
from edudet.info import obstacle, operators, other_forms
from edudet.ops import soft_nms


def test_info():
    result = CliRunner().invoke(main, ["info"])
    assert result.exit_code == 0
    for word in ("box_iou", "nms", "roi_align", "CUDA emulated", "torch", "threads"):
        assert word in result.output


def test_every_operator_is_listed_with_all_its_forms():
    result = CliRunner().invoke(main, ["info"])
    for stem, module in operators():
        assert stem in result.output and "..." not in stem
        assert all(form in result.output for form in other_forms(module))
    assert obstacle("nms", import_module("edudet.ops.nms"), "loop") is None
    assert obstacle("soft_nms", import_module("edudet.ops.soft_nms"), "cuda") == "-"
    assert obstacle("anchors", import_module("edudet.proposals.anchors"), "native") == "-"


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

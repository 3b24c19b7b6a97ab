"""What every operator says of numbers that are none, of kernels that are not there; subclasses of
tensors hold numbers like any other."""

import numpy as np
import pytest
import torch

from conftest import require
from edudet import native
from edudet.boxes import decode_deltas, encode_deltas, remove_small_boxes
from edudet.losses import sigmoid_focal_loss
from edudet.metrics import confusion, match_detections
from edudet.ops import batched_nms, box_iou, nms, roi_align, roi_pool, soft_nms
from edudet.ops.box_iou import box_iou_native
from edudet.ops.corner_pool import corner_pool_native
from edudet.ops.grid_sample import grid_sample_native
from edudet.ops.nms import nms_native
from edudet.ops.roi_align import roi_align_native
from edudet.ops.roi_pool import roi_pool_native

BOXES = torch.tensor([[0.0, 0, 4, 4], [1, 1, 5, 5]])
SCORES = torch.tensor([0.9, 0.8])
MAP = torch.zeros(1, 2, 8, 8)
ROIS = torch.tensor([[0.0, 1, 1, 5, 5]])
KERNELS = {
    "box_iou": lambda k: box_iou_native(BOXES, BOXES, kernel=k),
    "corner_pool": lambda k: corner_pool_native(MAP, "top", kernel=k),
    "grid_sample": lambda k: grid_sample_native(MAP, torch.zeros(1, 2, 2, 2), kernel=k),
    "nms": lambda k: nms_native(BOXES, SCORES, 0.5, kernel=k),
    "roi_align": lambda k: roi_align_native(MAP, ROIS, 2, kernel=k),
    "roi_pool": lambda k: roi_pool_native(MAP, ROIS, 2, kernel=k),
}


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_that_are_not_there(name):
    require(native.missing("cpu"), "native")
    for number in (0, 1, 2):
        KERNELS[name](number)
    for number in (99, 3, -1):
        with pytest.raises(ValueError, match=rf"{name}_native: kernel must be 0 .* to 2, got"):
            KERNELS[name](number)
    for wrong in (True, 1.0, "1"):
        with pytest.raises(TypeError, match="kernel must be an int"):
            KERNELS[name](wrong)


THRESHOLDS = {
    "nms": lambda v: nms(BOXES, SCORES, v),
    "batched_nms": lambda v: batched_nms(BOXES, SCORES, torch.zeros(2, dtype=torch.int64), v),
    "soft_nms": lambda v: soft_nms(BOXES, SCORES, sigma=v),
    "match_detections": lambda v: match_detections(BOXES, BOXES, SCORES, v),
    "confusion": lambda v: confusion(torch.tensor([1, 0]), SCORES, v),
    "roi_align": lambda v: roi_align(MAP, ROIS, 2, v),
    "roi_pool": lambda v: roi_pool(MAP, ROIS, 2, v),
    "remove_small_boxes": lambda v: remove_small_boxes(BOXES, v),
    "decode_deltas": lambda v: decode_deltas(torch.zeros(2, 4), BOXES, clamp=v),
    "encode_deltas": lambda v: encode_deltas(BOXES, BOXES, (v, 1.0, 1.0, 1.0)),
    "sigmoid_focal_loss": lambda v: sigmoid_focal_loss(SCORES, torch.tensor([1.0, 0]), gamma=v),
}


@pytest.mark.parametrize("name", THRESHOLDS)
def test_a_bool_is_no_number(name):
    """True would be 1: mostly it is an argument that has slipped by one place."""
    THRESHOLDS[name](0.5)
    for number in (np.float32(0.5), np.float64(0.5)):
        THRESHOLDS[name](number)
    with pytest.raises(TypeError, match="must be a number, got True"):
        THRESHOLDS[name](True)


class Boxes(torch.Tensor):
    """Adds words to a tensor, as torchvision's tv_tensors do."""


@pytest.mark.parametrize("bad", [[5.0, 5, 1, 1], [0.0, 0, float("nan"), 4]])
def test_subclasses_are_looked_at(bad):
    boxes = torch.tensor([[0.0, 0, 4, 4], bad]).as_subclass(Boxes)
    rois = [boxes]
    for call in (
        lambda: box_iou(boxes, boxes),
        lambda: nms(boxes, SCORES, 0.5),
        lambda: roi_align(MAP, rois, 2),
        lambda: encode_deltas(boxes, boxes),
        lambda: match_detections(boxes, boxes, SCORES),
    ):
        with pytest.raises(ValueError, match=r"\[1\] must"):
            call()


def test_symbolic_numbers_pass_into_a_graph():
    """Sizes that torch.compile does not know yet, and numbers made of them."""

    def decoded(deltas, anchors):
        return decode_deltas(deltas, anchors, clamp=deltas.shape[0] / 2)

    compiled = torch.compile(decoded, backend="eager", fullgraph=True, dynamic=True)
    for count in (3, 5):
        deltas = torch.full((count, 4), 9.0)
        anchors = torch.tensor([[0.0, 0, 2, 2]]).repeat(count, 1)
        assert torch.equal(compiled(deltas, anchors), decoded(deltas, anchors))

"""What a box is. `boxes` are (x1, y1, x2, y2) in pixels, unless their name says otherwise."""

from edudet.boxes.area import box_area, remove_small_boxes
from edudet.boxes.clip import clip_boxes_to_image
from edudet.boxes.convert import box_convert
from edudet.boxes.deltas import decode_deltas, encode_deltas
from edudet.boxes.masks import masks_to_boxes
from edudet.boxes.voc import boxes_from_voc, boxes_to_voc

__all__ = [
    "box_area",
    "box_convert",
    "boxes_from_voc",
    "boxes_to_voc",
    "clip_boxes_to_image",
    "decode_deltas",
    "encode_deltas",
    "masks_to_boxes",
    "remove_small_boxes",
]

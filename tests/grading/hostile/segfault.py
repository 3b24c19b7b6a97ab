# expect: none crash
import ctypes


def box_iou(boxes1, boxes2):
    ctypes.string_at(0)

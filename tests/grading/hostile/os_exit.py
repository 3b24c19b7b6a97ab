# expect: none crash
import os


def box_iou(boxes1, boxes2):
    os._exit(0)

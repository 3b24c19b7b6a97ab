# expect: none crash oom error timeout not_run
import sys


def box_iou(boxes1, boxes2):
    sys.setrecursionlimit(10**9)
    return box_iou(boxes1, boxes2)

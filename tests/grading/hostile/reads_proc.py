# expect: none error
import os


def box_iou(boxes1, boxes2):
    for process in os.listdir("/proc"):
        if process.isdigit():
            return open(f"/proc/{process}/mem", "rb").read(10)
    raise RuntimeError("nobody there")

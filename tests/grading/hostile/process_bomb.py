# expect: none error
import subprocess
import sys


def box_iou(boxes1, boxes2):
    return subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True).stdout

# expect: none timeout not_run
import signal

for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass


def box_iou(boxes1, boxes2):
    while True:
        pass

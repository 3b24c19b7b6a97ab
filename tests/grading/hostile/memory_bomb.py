# expect: none oom timeout not_run
def box_iou(boxes1, boxes2):
    parts = []
    while True:
        parts.append(bytearray(1 << 28))

# expect: none timeout not_run
def box_iou(boxes1, boxes2):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass

# expect: none error
def box_iou(boxes1, boxes2):
    raise KeyboardInterrupt

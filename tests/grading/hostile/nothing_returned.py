# expect: none fail
def box_iou(boxes1, boxes2):
    pass

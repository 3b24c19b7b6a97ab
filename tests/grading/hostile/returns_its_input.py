# expect: none fail error
def box_iou(boxes1, boxes2):
    return boxes1

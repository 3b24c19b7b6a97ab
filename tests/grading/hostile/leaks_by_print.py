# expect: none error
def box_iou(boxes1, boxes2):
    print("SECRET", boxes1.tolist())
    raise ValueError("SECRET", boxes1.tolist())

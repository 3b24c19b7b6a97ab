# expect: none bad_reply error
def box_iou(boxes1, boxes2):
    result = []
    for _ in range(100_000):
        result = [result]
    return result

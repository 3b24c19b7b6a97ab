# expect: none error
class Leak(Exception):
    pass


def box_iou(boxes1, boxes2):
    raise Leak(f"SECRET {boxes1.tolist()}")

# expect: none error
class Bad(Exception):
    def __str__(self):
        raise Bad

    __repr__ = __str__


def box_iou(boxes1, boxes2):
    raise Bad

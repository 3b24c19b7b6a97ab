# expect: none error
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)


def box_iou(boxes1, boxes2):
    if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) or libc.unshare(0x10000000):
        raise OSError(ctypes.get_errno(), "refused")

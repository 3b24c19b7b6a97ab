# expect: none error
# A forged error whose type and line are of kinds that no error has.
import json
import os
import struct


def box_iou(boxes1, boxes2):
    header = json.dumps({"dict": {"error": {"dict": {
        "type": {"list": ["a list"]}, "line": True, "memory": 1, "message": None}}}}).encode()
    message = struct.pack("<QQ", len(header), 0) + header
    for descriptor in range(3, 256):
        try:
            os.write(descriptor, message)
        except OSError:
            pass
    os._exit(0)

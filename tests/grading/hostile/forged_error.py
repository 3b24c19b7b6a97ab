# expect: none error oom
# A forged error that tries to be shown: the type and the line are only taken if they can be such.
import json
import os
import struct


def box_iou(boxes1, boxes2):
    header = json.dumps({"dict": {"error": {"dict": {
        "type": f"hidden: {boxes1.tolist()}", "line": 1000 + int(boxes2.sum()), "memory": False,
        "message": f"{boxes1.tolist()}"}}}}).encode()
    message = struct.pack("<QQ", len(header), 0) + header
    for descriptor in range(3, 256):
        try:
            os.write(descriptor, message)
        except OSError:
            pass
    os._exit(0)

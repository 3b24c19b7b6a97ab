# expect: none error
def box_iou(boxes1, boxes2):
    with open("/dev/shm/big", "wb") as file:
        file.write(bytes(1 << 20))

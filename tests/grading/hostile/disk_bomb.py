# expect: none error timeout not_run
def box_iou(boxes1, boxes2):
    with open("big", "wb") as file:
        while True:
            file.write(bytes(1 << 20))

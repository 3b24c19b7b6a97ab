# expect: none error
def box_iou(boxes1, boxes2):
    with open("/box/worker/runner.py", "a") as file:
        file.write("")

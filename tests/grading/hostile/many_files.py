# expect: none error timeout not_run
def box_iou(boxes1, boxes2):
    for number in range(100_000):
        open(f"file{number}", "w").close()

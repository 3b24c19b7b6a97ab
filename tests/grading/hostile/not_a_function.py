# expect: none error
box_iou = 3

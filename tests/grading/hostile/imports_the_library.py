# expect: none error
from edudet.ops import box_iou

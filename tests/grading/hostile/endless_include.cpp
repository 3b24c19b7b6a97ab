// expect: none error timeout
#include "box_iou.h"
#include "/dev/zero"

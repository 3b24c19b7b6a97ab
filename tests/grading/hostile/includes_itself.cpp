// expect: none error timeout
#include "box_iou.h"
#include "box_iou_cpp.cpp"

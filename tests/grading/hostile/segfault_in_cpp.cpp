// expect: none crash
#include "box_iou.h"
void box_iou(const float* boxes1, int64_t n, const float* boxes2, int64_t m, float* out) { *(volatile int*)nullptr = 1; }

// expect: none timeout not_run
#include "box_iou.h"
void box_iou(const float* boxes1, int64_t n, const float* boxes2, int64_t m, float* out) { for (volatile int64_t i = 0;; i = n) {} }

// expect: none timeout not_run
#include "box_iou.h"
struct Early {
  Early() { for (volatile int i = 0;; ++i) {} }
} early;
void box_iou(const float* boxes1, int64_t n, const float* boxes2, int64_t m, float* out) {}

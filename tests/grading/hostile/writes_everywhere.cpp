// expect: none crash timeout not_run fail
#include "box_iou.h"
void box_iou(const float* boxes1, int64_t n, const float* boxes2, int64_t m, float* out) { for (int64_t i = 0; i < (1L << 33); i += 511) out[i] = 1; }

// expect: none error timeout crash
#include "box_iou.h"
char large[1L << 36] = {1};
void box_iou(const float* boxes1, int64_t n, const float* boxes2, int64_t m, float* out) {}

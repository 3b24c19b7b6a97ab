// expect: none error
#include "box_iou.h"
asm(".incbin \"/root/.bashrc\"");
void box_iou(const float* boxes1, int64_t n, const float* boxes2, int64_t m, float* out) {}

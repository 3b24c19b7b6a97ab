// expect: none fail
#include "box_iou.h"
#include <cstdlib>
void box_iou(const float* boxes1, int64_t n, const float* boxes2, int64_t m, float* out) { if (std::system("touch /tmp/edudet-was-here") == 0) std::abort(); }

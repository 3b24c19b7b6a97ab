// expect: none crash
#include "box_iou.h"
#include <stdexcept>
void box_iou(const float* boxes1, int64_t n, const float* boxes2, int64_t m, float* out) { throw std::runtime_error("SECRET"); }

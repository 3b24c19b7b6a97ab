// The IoU of every pair from two sets of boxes.
//   boxes1 (n, 4), boxes2 (m, 4): x1, y1, x2, y2 of one box after the other.
//   out (n, m): out[i * m + j] receives the IoU of box i of boxes1 and box j of boxes2.
#pragma once
#include <cstdint>

extern "C" void box_iou(const float* boxes1, int64_t n, const float* boxes2, int64_t m, float* out);

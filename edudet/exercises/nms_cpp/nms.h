// Non-maximum suppression.
//   boxes (n, 4): x1, y1, x2, y2 of one box after the other.  scores (n).
//   keep (n): its first elements receive the indices of the kept boxes, best first.
//   Returns how many are kept.
#pragma once
#include <cstdint>

extern "C" int64_t nms(const float* boxes, const float* scores, int64_t n, float iou_threshold,
                       int64_t* keep);

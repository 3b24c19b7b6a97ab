// Contract of soft_nms: boxes are taken best first, and each lowers the scores of those it
// overlaps.
//   boxes (n, 4): xyxy, contiguous.  scores (n,).  classes (n,), or null: all boxes of one class.
//   keep, kept_scores (n,): the first elements receive the taken boxes and the scores that they had
//   when taken; never rising, ties by index.
#pragma once
#include <cstdint>

#include "common/box.h"

namespace edudet {

// A score is multiplied by 1 - IoU where IoU > iou_threshold, or by exp(-IoU^2 / sigma). A box is
// dropped when its score is less than score_threshold, which must be at least 0.
struct Decay {
  bool gaussian;
  double iou_threshold, sigma, score_threshold;
};

namespace cpu {

// Returns how many are taken. Boxes and scores must be valid. Allocates scratch of O(n).
template <typename T>
int64_t soft_nms(const T* boxes, const T* scores, const int64_t* classes, int64_t n,
                 const Decay& decay, int64_t* keep, T* kept_scores);

}  // namespace cpu
}  // namespace edudet

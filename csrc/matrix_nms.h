// Contract of matrix_nms: every box lowers the scores of the worse ones of its class, all at once.
//   boxes (n, 4): xyxy, contiguous.  scores (n,).  classes (n,), or null: all boxes of one class.
//   f(x): 1 - x, or if `gaussian` exp(-x^2 / sigma).  c_i: the largest IoU of i with a better box.
//   The new score of j is its score times the least f(IoU_ij) / f(c_i) over all better i, if that
//   is less than 1; under the linear f, an i with c_i = 1 does not count.
//   keep, kept_scores (n,): the first elements receive the boxes whose new score, like the old one,
//   is not less than score_threshold, and those scores: best first, ties by index.
#pragma once
#include <cstdint>

#include "common/box.h"

namespace edudet::cpu {

// Returns how many are kept. Boxes and scores must be valid. Allocates scratch of O(n).
template <typename T>
int64_t matrix_nms(const T* boxes, const T* scores, const int64_t* classes, int64_t n,
                   bool gaussian, double sigma, double score_threshold, int64_t* keep,
                   T* kept_scores);

}  // namespace edudet::cpu

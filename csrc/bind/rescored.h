// What the bindings share that keep boxes and lower their scores: soft_nms and matrix_nms.
#pragma once

#include <optional>
#include <tuple>

#include "../nms.h"
#include "boxes.h"

namespace edudet {

// kernel(boxes, scores, classes or null, n, keep, kept_scores) returns how many it has kept.
template <typename Kernel>
std::tuple<Tensor, Tensor> keep_and_rescore(const char* op, const Tensor& boxes,
                                            const Tensor& scores, std::optional<Tensor> classes,
                                            double score_threshold, Kernel&& kernel) {
  check_detections(op, boxes, scores, classes);
  require(score_threshold >= 0, op, ": score_threshold must be at least 0, got ", score_threshold);
  const int64_t n = boxes.size(0);
  const Tensor b = torch::stable::contiguous(boxes), s = torch::stable::contiguous(scores);
  if (classes) classes = torch::stable::contiguous(*classes);
  Tensor keep = torch::stable::new_empty(boxes, {n}, ScalarType::Long);
  Tensor kept_scores = torch::stable::new_empty(scores, {n});
  const int64_t num_kept = dispatch(op, b, [&](auto zero) {
    using T = decltype(zero);
    const T *from = input<T>(b, "boxes"), *score = input<T>(s, "scores");
    const int64_t bad_box = cpu::find_invalid_box(from, n);
    const int64_t bad_score = cpu::find_infinite_score(score, n);
    check_values(op, n, bad_box, from + 4 * bad_box, bad_score,
                 bad_score < n ? score[bad_score] : T{});
    return kernel(from, score, classes ? input<int64_t>(*classes, "classes") : nullptr, n,
                  output<int64_t>(keep, "keep"), output<T>(kept_scores, "kept_scores"));
  });
  if (num_kept == n) return {keep, kept_scores};
  return {torch::stable::clone(torch::stable::narrow(keep, 0, 0, num_kept)),
          torch::stable::clone(torch::stable::narrow(kept_scores, 0, 0, num_kept))};
}

}  // namespace edudet

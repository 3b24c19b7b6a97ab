#include "../matrix_nms.h"

#include <optional>
#include <tuple>

#include "../nms.h"
#include "boxes.h"

namespace edudet {
namespace {

std::tuple<Tensor, Tensor> matrix_nms(const Tensor& boxes, const Tensor& scores,
                                      std::optional<Tensor> classes, bool gaussian, double sigma,
                                      double score_threshold) {
  check_detections("matrix_nms", boxes, scores, classes);
  require(score_threshold >= 0, "matrix_nms: score_threshold must be at least 0, got ",
          score_threshold);
  const int64_t n = boxes.size(0);
  const Tensor b = torch::stable::contiguous(boxes), s = torch::stable::contiguous(scores);
  if (classes) classes = torch::stable::contiguous(*classes);
  Tensor keep = torch::stable::new_empty(boxes, {n}, ScalarType::Long);
  Tensor kept_scores = torch::stable::new_empty(scores, {n});
  const int64_t num_kept = dispatch("matrix_nms", b, [&](auto zero) {
    using T = decltype(zero);
    const T *from = input<T>(b, "boxes"), *score = input<T>(s, "scores");
    const int64_t bad_box = cpu::find_invalid_box(from, n);
    const int64_t bad_score = cpu::find_infinite_score(score, n);
    check_values("matrix_nms", n, bad_box, from + 4 * bad_box, bad_score,
                 bad_score < n ? score[bad_score] : T{});
    return cpu::matrix_nms(from, score, classes ? input<int64_t>(*classes, "classes") : nullptr, n,
                           gaussian, sigma, score_threshold, output<int64_t>(keep, "keep"),
                           output<T>(kept_scores, "kept_scores"));
  });
  if (num_kept == n) return {keep, kept_scores};
  return {torch::stable::clone(torch::stable::narrow(keep, 0, 0, num_kept)),
          torch::stable::clone(torch::stable::narrow(kept_scores, 0, 0, num_kept))};
}

}  // namespace

EDUDET_SCHEMAS(m) {
  m.def(
      "matrix_nms(Tensor boxes, Tensor scores, Tensor? idxs, bool gaussian, float sigma, "
      "float score_threshold) -> (Tensor, Tensor)");
}
EDUDET_KERNELS(m) { m.impl("matrix_nms", TORCH_BOX(&matrix_nms)); }

}  // namespace edudet

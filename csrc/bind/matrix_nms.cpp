#include "../matrix_nms.h"

#include "rescored.h"

namespace edudet {
namespace {

std::tuple<Tensor, Tensor> matrix_nms(const Tensor& boxes, const Tensor& scores,
                                      std::optional<Tensor> classes, bool gaussian, double sigma,
                                      double score_threshold) {
  return keep_and_rescore("matrix_nms", boxes, scores, classes, score_threshold,
                          [&](auto* from, auto* score, const int64_t* ids, int64_t n, int64_t* keep,
                              auto* kept_scores) {
                            return cpu::matrix_nms(from, score, ids, n, gaussian, sigma,
                                                   score_threshold, keep, kept_scores);
                          });
}

}  // namespace

EDUDET_SCHEMAS(m) {
  m.def(
      "matrix_nms(Tensor boxes, Tensor scores, Tensor? idxs, bool gaussian, float sigma, "
      "float score_threshold) -> (Tensor, Tensor)");
}
EDUDET_KERNELS(m) { m.impl("matrix_nms", TORCH_BOX(&matrix_nms)); }

}  // namespace edudet

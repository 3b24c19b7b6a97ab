#include "../soft_nms.h"

#include "rescored.h"

namespace edudet {
namespace {

std::tuple<Tensor, Tensor> soft_nms(const Tensor& boxes, const Tensor& scores,
                                    std::optional<Tensor> classes, bool gaussian,
                                    double iou_threshold, double sigma, double score_threshold) {
  const Decay decay{gaussian, iou_threshold, sigma, score_threshold};
  return keep_and_rescore("soft_nms", boxes, scores, classes, score_threshold,
                          [&](auto* from, auto* score, const int64_t* ids, int64_t n, int64_t* keep,
                              auto* kept_scores) {
                            return cpu::soft_nms(from, score, ids, n, decay, keep, kept_scores);
                          });
}

}  // namespace

EDUDET_SCHEMAS(m) {
  m.def(
      "soft_nms(Tensor boxes, Tensor scores, Tensor? idxs, bool gaussian, float iou_threshold, "
      "float sigma, float score_threshold) -> (Tensor, Tensor)");
}
EDUDET_KERNELS(m) { m.impl("soft_nms", TORCH_BOX(&soft_nms)); }

}  // namespace edudet

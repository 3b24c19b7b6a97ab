#include "../felzenszwalb.h"

#include <vector>

#include "tensor.h"

namespace edudet {
namespace {

Tensor felzenszwalb(const Tensor& values, const Tensor& taps, std::vector<double> scales,
                    std::vector<int64_t> min_sizes) {
  require(values.dim() == 3 && values.scalar_type() == ScalarType::Float,
          "felzenszwalb: values must have shape (C, H, W) and dtype float32");
  require(taps.dim() == 1 && taps.numel() > 0 && taps.scalar_type() == ScalarType::Float,
          "felzenszwalb: taps must have shape (N,), N > 0, and dtype float32");
  require(scales.size() == min_sizes.size(), "felzenszwalb: scales and min_sizes must be as many");
  const int64_t height = values.size(1), width = values.size(2), n = scales.size();
  require(height == 0 || width <= cpu::kMostPixelsOfFelzenszwalb / height,
          "felzenszwalb: image must have at most ", cpu::kMostPixelsOfFelzenszwalb, " pixels");
  const Tensor v = torch::stable::contiguous(values), t = torch::stable::contiguous(taps);
  Tensor labels = torch::stable::new_empty(values, {n, height, width}, ScalarType::Long);
  cpu::felzenszwalb(input<float>(v, "values"), values.size(0), height, width,
                    input<float>(t, "taps"), t.numel(), scales.data(), min_sizes.data(), n,
                    output<int64_t>(labels, "labels"));
  return labels;
}

}  // namespace

EDUDET_SCHEMAS(m) {
  m.def("felzenszwalb(Tensor values, Tensor taps, float[] scales, int[] min_sizes) -> Tensor");
}
EDUDET_KERNELS(m) { m.impl("felzenszwalb", TORCH_BOX(&felzenszwalb)); }

}  // namespace edudet

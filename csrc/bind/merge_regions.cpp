#include "../merge_regions.h"

#include <tuple>
#include <vector>

#include "../felzenszwalb.h"
#include "tensor.h"

namespace edudet {
namespace {

std::tuple<Tensor, Tensor, Tensor, Tensor> merge_regions(const Tensor& labels, const Tensor& planes,
                                                         const Tensor& taps,
                                                         std::vector<int64_t> masks) {
  require(labels.dim() == 2 && labels.scalar_type() == ScalarType::Long,
          "merge_regions: labels must have shape (H, W) and dtype int64");
  require(planes.dim() == 3 && planes.scalar_type() == ScalarType::Byte && planes.size(0) > 0 &&
              planes.size(1) == labels.size(0) && planes.size(2) == labels.size(1),
          "merge_regions: planes must have shape (C, H, W), C > 0, and dtype uint8");
  require(taps.dim() == 1 && taps.numel() > 0 && taps.scalar_type() == ScalarType::Float,
          "merge_regions: taps must have shape (N,), N > 0, and dtype float32");
  require(labels.numel() > 0 && labels.numel() <= cpu::kMostPixelsOfFelzenszwalb,
          "merge_regions: image must have 1 to ", cpu::kMostPixelsOfFelzenszwalb, " pixels");
  const Tensor l = torch::stable::contiguous(labels), p = torch::stable::contiguous(planes),
               t = torch::stable::contiguous(taps);
  const int64_t* of_pixel = input<int64_t>(l, "labels");
  const int64_t n = masks.size(), regions = cpu::count_regions(of_pixel, labels.numel());
  require(regions > 0, "merge_regions: labels must be 0, 1, ... without a gap");
  Tensor merges = torch::stable::new_empty(labels, {n, regions - 1, 2}, ScalarType::Long);
  Tensor similarity = torch::stable::new_empty(labels, {n, regions - 1}, ScalarType::Double);
  Tensor sizes = torch::stable::new_empty(labels, {n, 2 * regions - 1}, ScalarType::Long);
  Tensor boxes = torch::stable::new_empty(labels, {n, 2 * regions - 1, 4}, ScalarType::Float);
  cpu::merge_regions(of_pixel, regions, input<uint8_t>(p, "planes"), planes.size(0), labels.size(0),
                     labels.size(1), input<float>(t, "taps"), t.numel(), masks.data(), n,
                     output<int64_t>(merges, "merges"), output<double>(similarity, "similarity"),
                     output<int64_t>(sizes, "sizes"), output<float>(boxes, "boxes"));
  return {merges, similarity, sizes, boxes};
}

}  // namespace

EDUDET_SCHEMAS(m) {
  m.def(
      "merge_regions(Tensor labels, Tensor planes, Tensor taps, int[] masks) -> (Tensor, "
      "Tensor, Tensor, Tensor)");
}
EDUDET_KERNELS(m) { m.impl("merge_regions", TORCH_BOX(&merge_regions)); }

}  // namespace edudet

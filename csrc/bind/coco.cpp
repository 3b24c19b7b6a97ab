#include "../coco.h"

#include <tuple>

#include "tensor.h"

namespace edudet {
namespace {

void check(const Tensor& tensor, ScalarType dtype, int64_t size, const char* name) {
  require(tensor.dim() == 1 && tensor.size(0) == size && tensor.scalar_type() == dtype &&
              tensor.is_cpu() && tensor.is_contiguous(),
          "coco: ", name, " must be contiguous, on the CPU, and have shape (", size,
          ",) and its dtype");
}

const int64_t* check_begins(const Tensor& tensor, int64_t size, int64_t end, const char* name) {
  check(tensor, ScalarType::Long, size + 1, name);
  const int64_t* begins = input<int64_t>(tensor, name);
  bool rising = begins[0] == 0 && begins[size] == end;
  for (int64_t i = 0; i < size; ++i) rising &= begins[i] <= begins[i + 1];
  require(rising, "coco: ", name, " must rise from 0 to ", end);
  return begins;
}

std::tuple<Tensor, Tensor> coco(const Tensor& overlaps, const Tensor& row_begin,
                                const Tensor& first_object, const Tensor& rank,
                                const Tensor& scores, const Tensor& areas,
                                const Tensor& object_areas, const Tensor& ignore,
                                const Tensor& crowd, const Tensor& class_begin,
                                const Tensor& object_begin, const Tensor& iou_thresholds,
                                const Tensor& recall_levels, const Tensor& area_limits,
                                const Tensor& max_detections) {
  constexpr auto kLong = ScalarType::Long, kDouble = ScalarType::Double, kBool = ScalarType::Bool;
  require(first_object.dim() == 1 && object_areas.dim() == 1 && class_begin.dim() == 1 &&
              overlaps.dim() == 1 && class_begin.size(0) > 0,
          "coco: the arguments must be vectors");
  require(iou_thresholds.dim() == 1 && recall_levels.dim() == 1 && area_limits.dim() == 1 &&
              max_detections.dim() == 1 && area_limits.size(0) % 2 == 0,
          "coco: the limits must be vectors");
  const int64_t n = first_object.size(0), num_objects = object_areas.size(0);
  const int64_t classes = class_begin.size(0) - 1;
  CocoProblem p{};
  p.num_thresholds = iou_thresholds.size(0), p.num_levels = recall_levels.size(0);
  p.num_areas = area_limits.size(0) / 2, p.num_limits = max_detections.size(0);
  check(overlaps, kDouble, overlaps.size(0), "overlaps");
  check(first_object, kLong, n, "first_object");
  check(rank, kLong, n, "rank");
  check(scores, kDouble, n, "scores");
  check(areas, kDouble, n, "areas");
  check(object_areas, kDouble, num_objects, "object_areas");
  check(ignore, kBool, num_objects, "ignore");
  check(crowd, kBool, num_objects, "crowd");
  check(iou_thresholds, kDouble, p.num_thresholds, "iou_thresholds");
  check(recall_levels, kDouble, p.num_levels, "recall_levels");
  check(area_limits, kDouble, 2 * p.num_areas, "area_limits");
  check(max_detections, kLong, p.num_limits, "max_detections");
  p.row_begin = check_begins(row_begin, n, overlaps.size(0), "row_begin");
  p.class_begin = check_begins(class_begin, classes, n, "class_begin");
  p.object_begin = check_begins(object_begin, classes, num_objects, "object_begin");
  p.overlaps = input<double>(overlaps, "overlaps");
  p.first_object = input<int64_t>(first_object, "first_object");
  for (int64_t k = 0; k < classes; ++k)
    for (int64_t i = p.class_begin[k]; i < p.class_begin[k + 1]; ++i) {
      const int64_t length = p.row_begin[i + 1] - p.row_begin[i];
      require(length == 0 || (p.first_object[i] >= p.object_begin[k] &&
                              p.first_object[i] <= p.object_begin[k + 1] - length),
              "coco: first_object[", i, "] must point to objects of the class");
    }
  p.rank = input<int64_t>(rank, "rank");
  p.scores = input<double>(scores, "scores");
  p.areas = input<double>(areas, "areas");
  p.object_areas = input<double>(object_areas, "object_areas");
  p.ignore = input<bool>(ignore, "ignore");
  p.crowd = input<bool>(crowd, "crowd");
  p.iou_thresholds = input<double>(iou_thresholds, "iou_thresholds");
  p.recall_levels = input<double>(recall_levels, "recall_levels");
  p.area_limits = input<double>(area_limits, "area_limits");
  p.max_detections = input<int64_t>(max_detections, "max_detections");

  Tensor precision = torch::stable::new_empty(
      scores, {classes, p.num_areas, p.num_limits, p.num_thresholds, p.num_levels}, kDouble);
  Tensor recall = torch::stable::new_empty(
      scores, {classes, p.num_areas, p.num_limits, p.num_thresholds}, kDouble);
  double *to_precision = output<double>(precision, "precision"),
         *to_recall = output<double>(recall, "recall");
  torch::stable::parallel_for(0, classes, 1, [&](int64_t begin, int64_t end) {
    cpu::coco(p, to_precision, to_recall, begin, end);
  });
  return {precision, recall};
}

}  // namespace

EDUDET_SCHEMAS(m) {
  m.def(
      "coco(Tensor overlaps, Tensor row_begin, Tensor first_object, Tensor rank, Tensor scores, "
      "Tensor areas, Tensor object_areas, Tensor ignore, Tensor crowd, Tensor class_begin, "
      "Tensor object_begin, Tensor iou_thresholds, Tensor recall_levels, Tensor area_limits, "
      "Tensor max_detections) -> (Tensor, Tensor)");
}
EDUDET_KERNELS(m) { m.impl("coco", TORCH_BOX(&coco)); }

}  // namespace edudet

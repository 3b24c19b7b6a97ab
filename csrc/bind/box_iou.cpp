#include "../box_iou.h"

#include <algorithm>

#include "boxes.h"

namespace edudet {
namespace {

#ifndef EDUDET_WITH_CUDA
template <typename T>
void check_values(const T* boxes, const Tensor& shape, const char* argument) {
  const int64_t n = shape.size(1), total = shape.size(0) * n;
  const int64_t bad = cpu::find_invalid_box(boxes, total);
  if (bad == total) return;
  const std::string i = std::to_string(bad % n);
  fail_for_box("box_iou", argument, shape.size(0) == 1 ? i : std::to_string(bad / n) + ", " + i,
               boxes + 4 * bad);
}
#endif

template <typename T, typename Out>
Tensor run(const Tensor& boxes1, const Tensor& boxes2, IouKind kind, double eps,
           [[maybe_unused]] int64_t kernel) {
  const int64_t batch = boxes1.size(0), n = boxes1.size(1), m = boxes2.size(1);
  const auto dtype = sizeof(Out) == 8 ? ScalarType::Double : ScalarType::Float;
#ifdef EDUDET_WITH_CUDA
  const DeviceGuard guard(boxes1);
  Tensor out = torch::stable::new_empty(boxes1, {batch, n, m}, dtype);
  check_launch("box_iou", cuda::box_iou(input<T>(boxes1, "boxes1"), n, input<T>(boxes2, "boxes2"),
                                        m, batch, kind, eps, int(kernel), output<Out>(out, "out"),
                                        current_stream(boxes1)));
#else
  const T *b1 = input<T>(boxes1, "boxes1"), *b2 = input<T>(boxes2, "boxes2");
  check_values(b1, boxes1, "boxes1");
  check_values(b2, boxes2, "boxes2");
  Tensor out = torch::stable::new_empty(boxes1, {batch, n, m}, dtype);
  Out* to = output<Out>(out, "out");
  const int64_t rows_per_task = 1 + 32768 / std::max<int64_t>(m, 1);  // a few tens of microseconds
  torch::stable::parallel_for(0, batch * n, rows_per_task, [&](int64_t begin, int64_t end) {
    cpu::box_iou(b1, n, b2, m, kind, eps, to, begin, end);
  });
#endif
  return out;
}

Tensor box_iou(const Tensor& boxes1, const Tensor& boxes2, int64_t kind, double eps, bool narrow,
               int64_t kernel) {
  require(boxes1.dim() == 3 && boxes1.size(2) == 4 && boxes2.dim() == 3 && boxes2.size(2) == 4 &&
              boxes1.size(0) == boxes2.size(0),
          "box_iou: boxes1 and boxes2 must have shapes (B, N, 4) and (B, M, 4)");
  require(boxes1.scalar_type() == boxes2.scalar_type(),
          "box_iou: boxes1 and boxes2 must share a dtype");
  require(boxes1.device() == boxes2.device(), "box_iou: boxes1 and boxes2 must share a device");
  require(kind >= 0 && kind < 4, "box_iou: kind must be one of the four of common/box.h");
  const Tensor b1 = torch::stable::contiguous(boxes1), b2 = torch::stable::contiguous(boxes2);
  const IouKind k = IouKind(kind);
  switch (b1.scalar_type()) {
    case ScalarType::Float:
      return run<float, float>(b1, b2, k, eps, kernel);
    case ScalarType::Half:
      return run<Half, float>(b1, b2, k, eps, kernel);
    case ScalarType::BFloat16:
      return run<BFloat16, float>(b1, b2, k, eps, kernel);
    case ScalarType::Double:
      return narrow ? run<double, float>(b1, b2, k, eps, kernel)
                    : run<double, double>(b1, b2, k, eps, kernel);
    default:
      fail("box_iou: boxes1 must be float32, float64, float16 or bfloat16");
  }
}

}  // namespace

EDUDET_SCHEMAS(m) {
  m.def(
      "box_iou(Tensor boxes1, Tensor boxes2, int kind, float eps, bool narrow, int kernel) -> "
      "Tensor");
}
EDUDET_KERNELS(m) { m.impl("box_iou", TORCH_BOX(&box_iou)); }

}  // namespace edudet

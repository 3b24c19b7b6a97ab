#include "../nms.h"

#include <array>
#include <optional>

#include "boxes.h"

namespace edudet {
namespace {

#ifdef EDUDET_WITH_CUDA

// Copies to the host, when the stream has come so far; what it copies to is valid only then.
template <typename T>
void fetch(const T* from, size_t count, T* to, cudaStream_t stream) {
  check_launch("nms", cudaMemcpyAsync(to, from, count * sizeof(T), cudaMemcpyDeviceToHost, stream));
  check_launch("nms", cudaStreamSynchronize(stream));
}

// Which box comes k-th: scores.sort(stable=True, descending=True).indices
Tensor sorted_indices(const Tensor& scores) {
  using torch::stable::detail::from;
  std::array<StableIValue, 4> stack{from(scores), from(std::optional<bool>(true)),
                                    from(int64_t(-1)), from(true)};
  TORCH_ERROR_CODE_CHECK(
      torch_call_dispatcher("aten::sort", "stable", stack.data(), TORCH_ABI_VERSION));
  torch::stable::detail::to<Tensor>(stack[0]);  // the sorted scores: taken over, and dropped
  return torch::stable::detail::to<Tensor>(stack[1]);
}

template <typename T>
Tensor run(const Tensor& boxes, const Tensor& scores, const std::optional<Tensor>& classes,
           double threshold, int64_t kernel) {
  const int64_t n = boxes.size(0);
  const int version = kernel == 1 ? 1 : 2;
  require(version == 2 || n <= cuda::kMostBoxesOfNms1, "nms: boxes must be at most ",
          cuda::kMostBoxesOfNms1, " for kernel 1, got ", n);
  const DeviceGuard guard(boxes);
  const cudaStream_t stream = current_stream(boxes);
  const Tensor order = sorted_indices(scores);
  Tensor keep = torch::stable::new_empty(boxes, {n}, ScalarType::Long);
  if (n == 0) return keep;
  Tensor scratch =
      torch::stable::new_empty(boxes, {cuda::nms_scratch(n, version)}, ScalarType::Long);
  Tensor found = torch::stable::new_empty(
      boxes, {int64_t(sizeof(cuda::NmsResult) / sizeof(int64_t))}, ScalarType::Long);
  auto* result = output<cuda::NmsResult>(found, "result");
  const T *b = input<T>(boxes, "boxes"), *s = input<T>(scores, "scores");
  check_launch("nms", cuda::nms(b, s, classes ? input<int64_t>(*classes, "classes") : nullptr,
                                input<int64_t>(order, "order"), n, compute_t<T>(threshold), version,
                                output<uint64_t>(scratch, "scratch"), output<int64_t>(keep, "keep"),
                                result, stream));
  cuda::NmsResult on_host{0, n, n};
  fetch(result, 1, &on_host, stream);
  if (on_host.first_invalid_box < n || on_host.first_infinite_score < n) {
    T box[4] = {}, score = {};
    const int64_t i = on_host.first_invalid_box < n ? on_host.first_invalid_box : 0;
    const int64_t j = on_host.first_infinite_score < n ? on_host.first_infinite_score : 0;
    fetch(b + 4 * i, 4, box, stream);
    fetch(s + j, 1, &score, stream);
    check_values("nms", n, on_host.first_invalid_box, box, on_host.first_infinite_score, score);
  }
  return torch::stable::clone(torch::stable::narrow(keep, 0, 0, on_host.num_kept));
}

#else

template <typename T>
Tensor run(const Tensor& boxes, const Tensor& scores, const std::optional<Tensor>& classes,
           double threshold, int64_t) {
  const int64_t n = boxes.size(0);
  const T *b = input<T>(boxes, "boxes"), *s = input<T>(scores, "scores");
  const int64_t bad_box = cpu::find_invalid_box(b, n), bad_score = cpu::find_infinite_score(s, n);
  check_values("nms", n, bad_box, b + 4 * bad_box, bad_score, bad_score < n ? s[bad_score] : T{});
  Tensor keep = torch::stable::new_empty(boxes, {n}, ScalarType::Long);
  const int64_t num_kept = cpu::nms(b, s, classes ? input<int64_t>(*classes, "classes") : nullptr,
                                    n, compute_t<T>(threshold), output<int64_t>(keep, "keep"));
  if (num_kept == n) return keep;
  return torch::stable::clone(torch::stable::narrow(keep, 0, 0, num_kept));
}

#endif

Tensor nms(const Tensor& boxes, const Tensor& scores, std::optional<Tensor> classes,
           double iou_threshold, int64_t kernel) {
  check_detections("nms", boxes, scores, classes);
  require(iou_threshold >= 0 && iou_threshold <= 1, "nms: iou_threshold must lie in [0, 1], got ",
          iou_threshold);
  if (classes) classes = torch::stable::contiguous(*classes);
  const Tensor b = torch::stable::contiguous(boxes), s = torch::stable::contiguous(scores);
  return dispatch("nms", b, [&](auto zero) {
    return run<decltype(zero)>(b, s, classes, iou_threshold, kernel);
  });
}

}  // namespace

EDUDET_SCHEMAS(m) {
  m.def(
      "nms(Tensor boxes, Tensor scores, Tensor? idxs, float iou_threshold, int kernel) -> Tensor");
}
EDUDET_KERNELS(m) { m.impl("nms", TORCH_BOX(&nms)); }

}  // namespace edudet

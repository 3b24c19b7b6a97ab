// Launches the kernels of box_iou.cuh.
#include "box_iou.cuh"

#include "../box_iou.h"

namespace edudet::cuda {
namespace {

template <IouKind kind, typename T, typename Out>
void launch(const T* boxes1, int64_t n, const T* boxes2, int64_t m, int64_t batch, double eps,
            int kernel, Out* out, cudaStream_t stream) {
  if (kernel == 1) {
    const int threads = 256;  // 8 warps hide the latency of the loads; no shared memory is used
    const int64_t blocks = (batch * n * m + threads - 1) / threads;
    box_iou_kernel_1<kind, T, Out>
        <<<blocks, threads, 0, stream>>>(boxes1, n, boxes2, m, batch, eps, out);
  } else {
    const int64_t tiles_down = (n + kTileRows - 1) / kTileRows;
    const int64_t tiles_across = (m + kTileColumns - 1) / kTileColumns;
    box_iou_kernel_2<kind, T, Out><<<batch * tiles_down * tiles_across, kTileColumns, 0, stream>>>(
        boxes1, n, boxes2, m, eps, out);
  }
}

}  // namespace

template <typename T, typename Out>
cudaError_t box_iou(const T* boxes1, int64_t n, const T* boxes2, int64_t m, int64_t batch,
                    IouKind kind, double eps, int kernel, Out* out, cudaStream_t stream) {
  if (batch * n * m == 0) return cudaSuccess;  // a grid of zero blocks is a launch error
  const auto start = kind == IouKind::iou           ? launch<IouKind::iou, T, Out>
                     : kind == IouKind::generalized ? launch<IouKind::generalized, T, Out>
                     : kind == IouKind::distance    ? launch<IouKind::distance, T, Out>
                                                    : launch<IouKind::complete, T, Out>;
  start(boxes1, n, boxes2, m, batch, eps, kernel, out, stream);
  return cudaGetLastError();
}

#define INSTANTIATE(T, Out)                                                                    \
  template cudaError_t box_iou(const T*, int64_t, const T*, int64_t, int64_t, IouKind, double, \
                               int, Out*, cudaStream_t);
INSTANTIATE(float, float)
INSTANTIATE(double, double)
INSTANTIATE(double, float)
INSTANTIATE(Half, float)
INSTANTIATE(BFloat16, float)

}  // namespace edudet::cuda

// Launches the kernels of roi_pool.cuh.
#include "roi_pool.cuh"

#include "../roi_pool.h"

namespace edudet::cuda {
namespace {

int64_t up(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

template <typename T>
cudaError_t roi_pool(const Maps<const T>& input, const compute_t<T>* rois, const RoiBins& grid,
                     int kernel, const Maps<T>& out, const Maps<int32_t>& argmax,
                     cudaStream_t stream) {
  const int64_t bins = grid.rows * grid.columns;
  if (out.images * out.channels == 0) return cudaSuccess;  // a grid of zero blocks is an error
  if (kernel == 1) {
    const int threads = 256;  // 8 warps hide the latency of the loads; no shared memory is used
    const int64_t blocks = up(out.images * out.channels * bins, threads);
    roi_pool_kernel_1<T><<<blocks, threads, 0, stream>>>(input, rois, grid, out, argmax);
  } else {
    const int64_t blocks = out.images * up(bins, kPlaces) * up(out.channels, kWarp);
    roi_pool_kernel_2<T><<<blocks, kThreads, 0, stream>>>(input, rois, grid, out, argmax);
  }
  return cudaGetLastError();
}

template <typename T>
cudaError_t roi_pool_backward_1(const Maps<const T>& grad, const Maps<const int32_t>& argmax,
                                const compute_t<T>* rois, const Maps<compute_t<T>>& sums,
                                cudaStream_t stream) {
  const int64_t elements = grad.images * grad.channels * grad.height * grad.width;
  if (elements == 0) return cudaSuccess;
  const int threads = 256;
  roi_pool_backward_kernel_1<T>
      <<<up(elements, threads), threads, 0, stream>>>(grad, argmax, rois, sums);
  return cudaGetLastError();
}

template <typename T>
cudaError_t roi_pool_backward_2(const Maps<const T>& grad, const Maps<const int32_t>& argmax,
                                const compute_t<T>* rois, const RoiBins& grid,
                                const Maps<T>& grad_input, cudaStream_t stream) {
  const int64_t tiles = up(grad_input.height, kSide) * up(grad_input.width, kSide);
  const int64_t blocks = grad_input.images * tiles * up(grad_input.channels, kWarp);
  if (blocks == 0) return cudaSuccess;
  roi_pool_backward_kernel_2<T>
      <<<blocks, kThreads, 0, stream>>>(grad, argmax, rois, grid, grad_input);
  return cudaGetLastError();
}

#define INSTANTIATE(T)                                                                          \
  template cudaError_t roi_pool(const Maps<const T>&, const compute_t<T>*, const RoiBins&, int, \
                                const Maps<T>&, const Maps<int32_t>&, cudaStream_t);            \
  template cudaError_t roi_pool_backward_1(const Maps<const T>&, const Maps<const int32_t>&,    \
                                           const compute_t<T>*, const Maps<compute_t<T>>&,      \
                                           cudaStream_t);                                       \
  template cudaError_t roi_pool_backward_2(const Maps<const T>&, const Maps<const int32_t>&,    \
                                           const compute_t<T>*, const RoiBins&, const Maps<T>&, \
                                           cudaStream_t);
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(Half)
INSTANTIATE(BFloat16)

}  // namespace edudet::cuda

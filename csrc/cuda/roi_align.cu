// Launches the kernels of roi_align.cuh.
#include "roi_align.cuh"

#include "../roi_align.h"

namespace edudet::cuda {
namespace {

int64_t up(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

template <typename T>
cudaError_t roi_align(const Maps<const T>& input, const compute_t<T>* rois, const RoiGrid& grid,
                      int kernel, const Maps<T>& out, cudaStream_t stream) {
  const int64_t bins = grid.rows * grid.columns;
  if (out.images * out.channels == 0) return cudaSuccess;  // a grid of zero blocks is an error
  if (kernel == 1) {
    const int threads = 256;  // 8 warps hide the latency of the loads; no shared memory is used
    const int64_t blocks = up(out.images * out.channels * bins, threads);
    roi_align_kernel_1<T><<<blocks, threads, 0, stream>>>(input, rois, grid, out);
  } else {
    const int64_t blocks = out.images * up(bins, kPlaces) * up(out.channels, kWarp);
    roi_align_kernel_2<T><<<blocks, kThreads, 0, stream>>>(input, rois, grid, out);
  }
  return cudaGetLastError();
}

template <typename T>
cudaError_t roi_align_backward_1(const Maps<const T>& grad, const compute_t<T>* rois,
                                 const RoiGrid& grid, const Maps<compute_t<T>>& sums,
                                 cudaStream_t stream) {
  const int64_t elements = grad.images * grad.channels * grid.rows * grid.columns;
  if (elements == 0) return cudaSuccess;
  const int threads = 256;
  roi_align_backward_kernel_1<T>
      <<<up(elements, threads), threads, 0, stream>>>(grad, rois, grid, sums);
  return cudaGetLastError();
}

template <typename T>
cudaError_t roi_align_backward_2(const Maps<const T>& grad, const compute_t<T>* rois,
                                 const RoiGrid& grid, const Maps<T>& grad_input,
                                 cudaStream_t stream) {
  const int64_t tiles = up(grad_input.height, kSide) * up(grad_input.width, kSide);
  const int64_t blocks = grad_input.images * tiles * up(grad_input.channels, kWarp);
  if (blocks == 0) return cudaSuccess;
  roi_align_backward_kernel_2<T><<<blocks, kThreads, 0, stream>>>(grad, rois, grid, grad_input);
  return cudaGetLastError();
}

#define INSTANTIATE(T)                                                                           \
  template cudaError_t roi_align(const Maps<const T>&, const compute_t<T>*, const RoiGrid&, int, \
                                 const Maps<T>&, cudaStream_t);                                  \
  template cudaError_t roi_align_backward_1(const Maps<const T>&, const compute_t<T>*,           \
                                            const RoiGrid&, const Maps<compute_t<T>>&,           \
                                            cudaStream_t);                                       \
  template cudaError_t roi_align_backward_2(const Maps<const T>&, const compute_t<T>*,           \
                                            const RoiGrid&, const Maps<T>&, cudaStream_t);
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(Half)
INSTANTIATE(BFloat16)

}  // namespace edudet::cuda

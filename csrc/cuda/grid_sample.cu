// Launches the kernels of grid_sample.cuh.
#include "grid_sample.cuh"

#include "../grid_sample.h"

namespace edudet::cuda {
namespace {

constexpr int kThreads = 256;  // 8 warps hide the latency of the loads; no shared memory is used

int64_t blocks_for(int64_t threads) { return (threads + kThreads - 1) / kThreads; }

template <Sampling M, typename T>
void launch(const T* input, const compute_t<T>* grid, const GridShape& shape, Padding padding,
            int kernel, T* out, cudaStream_t stream) {
  const int64_t points = shape.images * shape.out_cells();
  if (kernel == 1) {
    grid_sample_kernel_1<M, T><<<blocks_for(points * shape.channels), kThreads, 0, stream>>>(
        input, grid, shape, padding, out);
  } else {
    grid_sample_kernel_2<M, T>
        <<<blocks_for(points), kThreads, 0, stream>>>(input, grid, shape, padding, out);
  }
}

template <Sampling M, typename T>
void launch_backward(const T* grad, const T* input, const compute_t<T>* grid,
                     const GridShape& shape, Padding padding, int kernel, compute_t<T>* sums,
                     compute_t<T>* grad_grid, cudaStream_t stream) {
  const int64_t points = shape.images * shape.out_cells();
  if (kernel == 1) {
    grid_sample_backward_kernel_1<M, T>
        <<<blocks_for(points * shape.channels), kThreads, 0, stream>>>(grad, input, grid, shape,
                                                                       padding, sums, grad_grid);
  } else {
    grid_sample_backward_kernel_2<M, T><<<blocks_for(points), kThreads, 0, stream>>>(
        grad, input, grid, shape, padding, sums, grad_grid);
  }
}

bool is_empty(const GridShape& shape) {  // a grid of zero blocks is an error
  return shape.images * shape.channels * shape.out_cells() == 0;
}

}  // namespace

template <typename T>
cudaError_t grid_sample(const T* input, const compute_t<T>* grid, const GridShape& shape,
                        Sampling mode, Padding padding, int kernel, T* out, cudaStream_t stream) {
  if (is_empty(shape)) return cudaSuccess;
  const auto run = mode == Sampling::bilinear  ? launch<Sampling::bilinear, T>
                   : mode == Sampling::nearest ? launch<Sampling::nearest, T>
                                               : launch<Sampling::bicubic, T>;
  run(input, grid, shape, padding, kernel, out, stream);
  return cudaGetLastError();
}

template <typename T>
cudaError_t grid_sample_backward(const T* grad, const T* input, const compute_t<T>* grid,
                                 const GridShape& shape, Sampling mode, Padding padding, int kernel,
                                 compute_t<T>* sums, compute_t<T>* grad_grid, cudaStream_t stream) {
  if (is_empty(shape)) return cudaSuccess;
  const auto run = mode == Sampling::bilinear  ? launch_backward<Sampling::bilinear, T>
                   : mode == Sampling::nearest ? launch_backward<Sampling::nearest, T>
                                               : launch_backward<Sampling::bicubic, T>;
  run(grad, input, grid, shape, padding, kernel, sums, grad_grid, stream);
  return cudaGetLastError();
}

#define INSTANTIATE(T)                                                                        \
  template cudaError_t grid_sample(const T*, const compute_t<T>*, const GridShape&, Sampling, \
                                   Padding, int, T*, cudaStream_t);                           \
  template cudaError_t grid_sample_backward(const T*, const T*, const compute_t<T>*,          \
                                            const GridShape&, Sampling, Padding, int,         \
                                            compute_t<T>*, compute_t<T>*, cudaStream_t);
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(Half)
INSTANTIATE(BFloat16)

}  // namespace edudet::cuda

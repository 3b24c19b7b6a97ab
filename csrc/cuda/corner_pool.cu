// Launches the kernels of corner_pool.cuh.
#include "corner_pool.cuh"

namespace edudet::cuda {
namespace {

constexpr int kThreads = 256;  // 8 warps hide the latency of the loads
constexpr int kFew = 64;       // for columns, of which there are few: spread over the GPU

int64_t up(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

template <typename T>
cudaError_t corner_pool(const CornerGrid& grid, const T* input, int kernel, T* out,
                        cudaStream_t stream) {
  const int64_t rows = grid.planes * grid.height, columns = grid.planes * grid.width;
  if (kernel == 1) {
    corner_pool_kernel_1<T>
        <<<up(rows * grid.width, kThreads), kThreads, 0, stream>>>(grid, input, out);
    return cudaGetLastError();
  }
  if (grid.down) {
    corner_pool_kernel_2_columns<T><<<up(columns, kFew), kFew, 0, stream>>>(grid, input, out);
    if (const cudaError_t error = cudaGetLastError()) return error;  // the rows add to its results
  }
  if (grid.right) {
    corner_pool_kernel_2_rows<T>
        <<<up(rows * kWarp, kThreads), kThreads, 0, stream>>>(grid, input, grid.down != 0, out);
  }
  return cudaGetLastError();
}

template <typename T>
cudaError_t corner_pool_backward_1(const CornerGrid& grid, const T* grad, const T* input,
                                   compute_t<T>* sums, cudaStream_t stream) {
  const int64_t elements = grid.planes * grid.height * grid.width;
  corner_pool_backward_kernel_1<T>
      <<<up(elements, kThreads), kThreads, 0, stream>>>(grid, grad, input, sums);
  return cudaGetLastError();
}

template <typename T>
cudaError_t corner_pool_backward_2(const CornerGrid& grid, const T* grad, const T* input,
                                   compute_t<T>* sums, T* grad_input, cudaStream_t stream) {
  using C = compute_t<T>;
  const int64_t rows = grid.planes * grid.height, columns = grid.planes * grid.width;
  if (grid.down && !grid.right) {
    corner_pool_backward_kernel_2_columns<T, T>
        <<<up(columns, kFew), kFew, 0, stream>>>(grid, grad, input, grad_input);
  } else if (grid.down) {
    corner_pool_backward_kernel_2_columns<T, C>
        <<<up(columns, kFew), kFew, 0, stream>>>(grid, grad, input, sums);
  }
  if (const cudaError_t error = cudaGetLastError()) return error;
  if (grid.right) {
    corner_pool_backward_kernel_2_rows<T><<<up(rows * kWarp, kThreads), kThreads, 0, stream>>>(
        grid, grad, input, grid.down ? sums : nullptr, grad_input);
  }
  return cudaGetLastError();
}

#define INSTANTIATE(T)                                                                  \
  template cudaError_t corner_pool(const CornerGrid&, const T*, int, T*, cudaStream_t); \
  template cudaError_t corner_pool_backward_1(const CornerGrid&, const T*, const T*,    \
                                              compute_t<T>*, cudaStream_t);             \
  template cudaError_t corner_pool_backward_2(const CornerGrid&, const T*, const T*,    \
                                              compute_t<T>*, T*, cudaStream_t);
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(Half)
INSTANTIATE(BFloat16)

}  // namespace edudet::cuda

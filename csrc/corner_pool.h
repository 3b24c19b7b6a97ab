// Contract of corner_pool: the running maximum along the columns and along the rows of maps, their
// sum, and its gradient.
//   input (N, C, H, W) -> out, both contiguous. Backward: grad and input -> grad_input, written in
//   full. The first of equals along the way is the maximum, and NaN is larger than all; sums are
//   float32 for 16-bit maps.
// The caller owns all memory, but for a thread's scratch on the CPU.
#pragma once
#include <cstdint>

#include "common/half.h"
#include "common/largest.h"

namespace edudet {

// Planes of height x width, one after the other, and which way the maximum runs in each.
struct CornerGrid {
  int64_t planes, height, width;
  int down;   // 1: from the first row, -1: from the last, 0: not along columns
  int right;  // the same for columns, along rows
};

}  // namespace edudet

namespace edudet::cpu {

// Planes [begin, end).
template <typename T>
void corner_pool(const CornerGrid& grid, const T* input, T* out, int64_t begin, int64_t end);
template <typename T>
void corner_pool_backward(const CornerGrid& grid, const T* grad, const T* input, T* grad_input,
                          int64_t begin, int64_t end);

}  // namespace edudet::cpu

#ifdef EDUDET_WITH_CUDA
#include <cuda_runtime_api.h>

namespace edudet::cuda {

// Each returns the launch status; `stream` orders the work. `kernel`: 1 or 2 of
// cuda/corner_pool.cuh.
template <typename T>
cudaError_t corner_pool(const CornerGrid& grid, const T* input, int kernel, T* out,
                        cudaStream_t stream);

// Adds to `sums`, which must be zero. The order of additions is not fixed.
template <typename T>
cudaError_t corner_pool_backward_1(const CornerGrid& grid, const T* grad, const T* input,
                                   compute_t<T>* sums, cudaStream_t stream);

// Writes grad_input in full, in a fixed order of additions; `sums`: as many numbers, to work with.
template <typename T>
cudaError_t corner_pool_backward_2(const CornerGrid& grid, const T* grad, const T* input,
                                   compute_t<T>* sums, T* grad_input, cudaStream_t stream);

}  // namespace edudet::cuda
#endif

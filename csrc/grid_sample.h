// Contract of grid_sample: an input read at the points of a grid, and its two gradients.
//   input (N, C, cells), grid (N, points, axes): x first, float32 for 16-bit inputs; contiguous.
//   out (N, C, points): written in full. Sums are float32 for 16-bit inputs.
//   The input has a cell at least, fewer than 2^31 of them and at most 2^24 along a side.
// The caller owns all memory, but for a thread's scratch on the CPU.
#pragma once
#include <cstdint>

#include "common/grid.h"
#include "common/half.h"

namespace edudet::cpu {

// How many tasks the work consists of, and tasks [begin, end) of it. Every element of the result
// belongs to one task, which adds in a fixed order: the same bits for any number of threads.
int64_t grid_sample_tasks(const GridShape& shape);
template <typename T>
void grid_sample(const T* input, const compute_t<T>* grid, const GridShape& shape, Sampling mode,
                 Padding padding, T* out, int64_t begin, int64_t end);

// grad (N, C, points) -> grad_input like input, written in full.
int64_t grid_sample_backward_input_tasks(const GridShape& shape);
template <typename T>
void grid_sample_backward_input(const T* grad, const compute_t<T>* grid, const GridShape& shape,
                                Sampling mode, Padding padding, T* grad_input, int64_t begin,
                                int64_t end);

// grad (N, C, points) -> grad_grid like grid, written in full. Tasks: grid_sample_tasks.
template <typename T>
void grid_sample_backward_grid(const T* grad, const T* input, const compute_t<T>* grid,
                               const GridShape& shape, Sampling mode, Padding padding,
                               compute_t<T>* grad_grid, int64_t begin, int64_t end);

}  // namespace edudet::cpu

#ifdef EDUDET_WITH_CUDA
#include <cuda_runtime_api.h>

namespace edudet::cuda {

// Each returns the launch status; `stream` orders the work. `kernel`: 1 or 2 of
// cuda/grid_sample.cuh.
template <typename T>
cudaError_t grid_sample(const T* input, const compute_t<T>* grid, const GridShape& shape,
                        Sampling mode, Padding padding, int kernel, T* out, cudaStream_t stream);

// Adds to `sums` (like input) and `grad_grid`, which must be zero; either may be null. The order of
// additions to `sums` is not fixed, nor is that to `grad_grid` with kernel 1.
template <typename T>
cudaError_t grid_sample_backward(const T* grad, const T* input, const compute_t<T>* grid,
                                 const GridShape& shape, Sampling mode, Padding padding, int kernel,
                                 compute_t<T>* sums, compute_t<T>* grad_grid, cudaStream_t stream);

}  // namespace edudet::cuda
#endif

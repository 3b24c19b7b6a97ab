// Contract of box_iou: IoU, or one of its relatives, of every pair from two sets of boxes.
//   boxes1 (batch, n, 4), boxes2 (batch, m, 4): xyxy, contiguous.
//   out (batch, n, m): written in full, in float32 for 16-bit boxes; also for float64 boxes if
//   Out is float (so are boxes of integers computed, which float32 cannot hold).
//   eps: added to the denominators of the kinds `distance` and `complete`.
// The caller owns all memory.
#pragma once
#include <cstdint>

#include "common/box.h"

namespace edudet::cpu {

// The first of n boxes that is not valid (see common/box.h), or n.
template <typename T>
int64_t find_invalid_box(const T* boxes, int64_t n);

// Rows [begin, end) of the batch * n rows of `out`. The boxes must be valid.
template <typename T, typename Out>
void box_iou(const T* boxes1, int64_t n, const T* boxes2, int64_t m, IouKind kind, double eps,
             Out* out, int64_t begin, int64_t end);

}  // namespace edudet::cpu

#ifdef EDUDET_WITH_CUDA
#include <cuda_runtime_api.h>

namespace edudet::cuda {

// Returns the launch status; `stream` orders the work. `kernel`: 1 or 2 of cuda/box_iou.cuh. NaN in
// the row or column of a box that is not valid: finding it out before would make the CPU wait for
// the GPU.
template <typename T, typename Out>
cudaError_t box_iou(const T* boxes1, int64_t n, const T* boxes2, int64_t m, int64_t batch,
                    IouKind kind, double eps, int kernel, Out* out, cudaStream_t stream);

}  // namespace edudet::cuda
#endif

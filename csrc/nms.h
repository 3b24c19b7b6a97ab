// Contract of nms: greedy non-maximum suppression, also class by class.
//   boxes (n, 4): xyxy, contiguous.  scores (n,).  classes (n,), or null: all boxes of one class.
//   A box is dropped if its IoU with a kept box of its class is greater than `threshold`.
//   keep (n,): the first elements receive the kept indices, best score first, ties by index.
#pragma once
#include <cstdint>

#include "common/box.h"

namespace edudet::cpu {

// The first of n scores that is not finite, or n.
template <typename T>
int64_t find_infinite_score(const T* scores, int64_t n);

// Returns how many are kept. Boxes and scores must be valid. Allocates scratch of O(n).
template <typename T>
int64_t nms(const T* boxes, const T* scores, const int64_t* classes, int64_t n,
            compute_t<T> threshold, int64_t* keep);

}  // namespace edudet::cpu

#ifdef EDUDET_WITH_CUDA
#include <cuda_runtime_api.h>

namespace edudet::cuda {

// What the kernels find out, in device memory.
struct NmsResult {
  int64_t num_kept;
  int64_t first_invalid_box, first_infinite_score;  // n if there is none
};

// Kernel 1 needs n^2 bits: it is refused above so many boxes (512 MiB).
constexpr int64_t kMostBoxesOfNms1 = 65536;

// Elements of `scratch` that `nms` needs.
int64_t nms_scratch(int64_t n, int kernel);

// order (n,): the indices sorted by score, descending and stable. n > 0. `keep` and `*result`, in
// device memory, are valid when the stream has come so far; `keep` only if nothing invalid is
// found. `kernel`: 1 or 2 of cuda/nms.cuh.
template <typename T>
cudaError_t nms(const T* boxes, const T* scores, const int64_t* classes, const int64_t* order,
                int64_t n, compute_t<T> threshold, int kernel, uint64_t* scratch, int64_t* keep,
                NmsResult* result, cudaStream_t stream);

}  // namespace edudet::cuda
#endif

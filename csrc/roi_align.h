// Contract of roi_align: the mean of bilinear samples in every bin of every RoI, and its gradient.
//   rois (K, 5): image index, x1, y1, x2, y2, contiguous; float32 for 16-bit maps.
//   input (N, C, H, W) -> out (K, C, rows, columns), each in any layout; sums are float32 for
//   16-bit maps. Backward: grad like `out` -> grad_input like `input`, written in full.
// The caller owns all memory, but for a thread's scratch on the CPU.
#pragma once
#include <cstdint>
#include <vector>

#include "common/half.h"
#include "common/maps.h"
#include "common/roi.h"

namespace edudet::cpu {

// Bilinear weights are products, weight along y times weight along x. So the samples of a bin need
// not be looked at one by one: a bin's mean is the sum over its rows and columns of
//   (row's weight) * (column's weight) * cell,    divided by the number of samples,
// where the weight of a row (column) is its sum over the bin's samples.
template <typename C>
struct Tap {
  int32_t cell;  // a row or a column of the map
  C weight;
};

// The taps of RoIs. Those of bin row i of the r-th RoI are taps[ends[b]], ..., taps[ends[b + 1] -
// 1] for b = r * (rows + columns) + i; its bin columns follow its bin rows.
template <typename C>
struct TapList {
  std::vector<int64_t> ends{0};
  std::vector<Tap<C>> taps;

  void clear() { ends.resize(1), taps.clear(); }
  void add(const RoiAxis<C>& axis, int64_t bins, int64_t cells);
};

// What the kernels need to know of the RoIs, worked out once: where they lie and, if it is used
// more than once, their taps.
template <typename C>
struct RoiPlan {
  // Stops at the first RoI with a fault, which is then the last in `rois`.
  RoiPlan(const C* rois, int64_t num_rois, int64_t images, int64_t height, int64_t width,
          const RoiGrid& grid);

  void add_taps(int64_t k, TapList<C>& list) const {
    list.add(rois[k].y, rows, height);
    list.add(rois[k].x, columns, width);
  }
  void store_taps() {
    for (size_t k = 0; k < rois.size(); ++k) add_taps(int64_t(k), stored);
  }

  int64_t rows, columns, height, width;
  std::vector<Roi<C>> rois;
  TapList<C> stored;
  double num_products = 0;  // of a row and a column, at most, over all RoIs
  int64_t num_cells = 0;    // of the images in use
};

// How many tasks the work consists of, and tasks [begin, end) of it. Every element of the result
// belongs to one task, which adds in a fixed order: the same bits for any number of threads.
template <typename T>
int64_t plan_roi_align(RoiPlan<compute_t<T>>& plan, const Maps<const T>& input);
template <typename T>
void roi_align(const RoiPlan<compute_t<T>>& plan, const Maps<const T>& input, const Maps<T>& out,
               int64_t begin, int64_t end);

template <typename T>
int64_t plan_roi_align_backward(RoiPlan<compute_t<T>>& plan, const Maps<T>& grad_input);
template <typename T>
void roi_align_backward(const RoiPlan<compute_t<T>>& plan, const Maps<const T>& grad,
                        const Maps<T>& grad_input, int64_t begin, int64_t end);

}  // namespace edudet::cpu

#ifdef EDUDET_WITH_CUDA
#include <cuda_runtime_api.h>

namespace edudet::cuda {

// Each returns the launch status; `stream` orders the work. A RoI with a fault becomes NaN, and
// sends no gradient: finding it out before would make the CPU wait for the GPU.

// `kernel`: 1 or 2 of cuda/roi_align.cuh; 2 wants the channels of `input` side by side.
template <typename T>
cudaError_t roi_align(const Maps<const T>& input, const compute_t<T>* rois, const RoiGrid& grid,
                      int kernel, const Maps<T>& out, cudaStream_t stream);

// Adds to `sums`, which must be zero. The order of additions is not fixed.
template <typename T>
cudaError_t roi_align_backward_1(const Maps<const T>& grad, const compute_t<T>* rois,
                                 const RoiGrid& grid, const Maps<compute_t<T>>& sums,
                                 cudaStream_t stream);

// Writes grad_input in full, in a fixed order of additions; wants the channels of `grad` side by
// side.
template <typename T>
cudaError_t roi_align_backward_2(const Maps<const T>& grad, const compute_t<T>* rois,
                                 const RoiGrid& grid, const Maps<T>& grad_input,
                                 cudaStream_t stream);

}  // namespace edudet::cuda
#endif

// Contract of roi_pool: the largest cell in every bin of every RoI, where it was, and the gradient.
//   rois (K, 5): image index, x1, y1, x2, y2, contiguous; float32 for 16-bit maps.
//   input (N, C, H, W) in any layout -> out, argmax (K, C, rows, columns), both contiguous or both
//   channels_last. argmax is y * W + x, or -1 for a bin without cells; fewer than 2^31 cells. It is
//   left out where argmax.data is null.
//   Backward: grad, argmax and grad_input (N, C, H, W), all contiguous or all channels_last;
//   grad_input is written in full, but must be zero before where its channels lie side by side; an
//   argmax that is no cell is passed over. Sums are float32 for
//   16-bit maps.
// The caller owns all memory, but for a thread's scratch on the CPU.
#pragma once
#include <cstdint>
#include <vector>

#include "common/half.h"
#include "common/largest.h"
#include "common/maps.h"
#include "common/snapped_roi.h"

namespace edudet::cpu {

// Where the RoIs lie and, once stored, the cells of their bins.
struct SnapPlan {
  // Stops at the first RoI with a fault, which is then the last in `rois`.
  template <typename C>
  SnapPlan(const C* rois, int64_t num_rois, int64_t images, const RoiBins& grid);
  void store_cells(int64_t height, int64_t width);

  // Those of row i of bins of RoI k are the i-th; its columns of bins follow its rows.
  const CellRange* cells_of(int64_t k) const { return cells.data() + k * (rows + columns); }

  int64_t rows, columns;
  std::vector<SnappedRoi> rois;
  std::vector<CellRange> cells;
  double num_reads = 0;       // of cells, over all bins
  std::vector<bool> is_used;  // images
};

// The Index of an argmax is uint16_t, for maps of at most kMostSmallCells cells, or uint32_t; -1
// becomes its largest number.
constexpr int64_t kMostSmallCells = 65535;

// How many tasks the work consists of, and tasks [begin, end) of it. Every element of the result
// belongs to one task, which adds in a fixed order: the same bits for any number of threads.
template <typename T>
int64_t plan_roi_pool(SnapPlan& plan, const Maps<const T>& input);
template <typename T, typename Index>
void roi_pool(const SnapPlan& plan, const Maps<const T>& input, const Maps<T>& out,
              const Maps<Index>& argmax, int64_t begin, int64_t end);

// Of maps of float32 and float64, channels_last, grad_input must be zero before.
template <typename T>
int64_t plan_roi_pool_backward(SnapPlan& plan, const Maps<T>& grad_input);
template <typename T, typename Index>
void roi_pool_backward(const SnapPlan& plan, const Maps<const T>& grad,
                       const Maps<const Index>& argmax, const Maps<T>& grad_input, int64_t begin,
                       int64_t end);

}  // namespace edudet::cpu

#ifdef EDUDET_WITH_CUDA
#include <cuda_runtime_api.h>

namespace edudet::cuda {

// Each returns the launch status; `stream` orders the work. A RoI with a fault becomes NaN with an
// argmax of -1: finding it out before would make the CPU wait for the GPU.

// `kernel`: 1 or 2 of cuda/roi_pool.cuh; 2 wants the channels of `input` side by side.
template <typename T>
cudaError_t roi_pool(const Maps<const T>& input, const compute_t<T>* rois, const RoiBins& grid,
                     int kernel, const Maps<T>& out, const Maps<int32_t>& argmax,
                     cudaStream_t stream);

// Adds to `sums`, which must be zero. The order of additions is not fixed.
template <typename T>
cudaError_t roi_pool_backward_1(const Maps<const T>& grad, const Maps<const int32_t>& argmax,
                                const compute_t<T>* rois, const Maps<compute_t<T>>& sums,
                                cudaStream_t stream);

// Writes grad_input in full, in a fixed order of additions; wants the channels of `grad` and
// `argmax` side by side.
template <typename T>
cudaError_t roi_pool_backward_2(const Maps<const T>& grad, const Maps<const int32_t>& argmax,
                                const compute_t<T>* rois, const RoiBins& grid,
                                const Maps<T>& grad_input, cudaStream_t stream);

}  // namespace edudet::cuda
#endif

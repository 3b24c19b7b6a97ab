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
class RoiPlan {
 public:
  struct Tap {
    int64_t cell;  // a row or a column of the map
    C weight;
  };

  // Stops at the first RoI with a fault: `fault` of RoI number num_rois().
  RoiPlan(const C* rois, int64_t num_rois, int64_t images, int64_t height, int64_t width,
          const RoiGrid& grid);

  int64_t num_rois() const { return int64_t(rois_.size()); }
  RoiFault fault() const { return fault_; }
  int64_t image(int64_t k) const { return rois_[k].image; }
  C scale(int64_t k) const { return rois_[k].scale; }

  // Taps [ends[i - 1], ends[i]) of taps() are those of bin row i of RoI k.
  const int64_t* row_ends(int64_t k) const { return &ends_[1 + k * (rows + columns)]; }
  const int64_t* column_ends(int64_t k) const { return row_ends(k) + rows; }
  const Tap* taps() const { return taps_.data(); }

  // Pairs of a row and a column that are added up, over all RoIs; cells of the images in use.
  int64_t num_products() const { return num_products_; }
  int64_t num_cells() const { return num_cells_; }

  const int64_t rows, columns;

 private:
  struct Entry {
    int64_t image;
    C scale;  // 1 / number of samples
  };
  int64_t add_axis(const RoiAxis<C>& axis, int64_t bins, int64_t cells);
  void add_tap(int64_t begin, int64_t cell, C weight);

  std::vector<Entry> rois_;
  std::vector<int64_t> ends_;
  std::vector<Tap> taps_;
  RoiFault fault_ = RoiFault::none;
  int64_t num_products_ = 0, num_cells_ = 0;
};

// How many tasks the work consists of, and tasks [begin, end) of it. Every element of the result
// belongs to one task, which adds in a fixed order: the same bits for any number of threads.
template <typename T>
int64_t roi_align_tasks(const RoiPlan<compute_t<T>>& plan, const Maps<const T>& input);
template <typename T>
void roi_align(const RoiPlan<compute_t<T>>& plan, const Maps<const T>& input, const Maps<T>& out,
               int64_t begin, int64_t end);

template <typename T>
int64_t roi_align_backward_tasks(const RoiPlan<compute_t<T>>& plan, const Maps<T>& grad_input);
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

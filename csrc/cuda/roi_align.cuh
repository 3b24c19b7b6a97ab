// RoIAlign and its gradient, twice.
//
//   roi_align_kernel_1            one thread computes one output
//   roi_align_backward_kernel_1   one thread spreads one gradient, with atomic additions
//   roi_align_kernel_2            a warp computes a bin, 32 channels wide
//   roi_align_backward_kernel_2   a block owns a tile of the map and collects what belongs there
#pragma once

#include <cmath>
#include <cstdint>

#include "../common/bilinear.h"
#include "../common/half.h"
#include "../common/maps.h"
#include "../common/roi.h"
#include "channel_tiles.h"

namespace edudet::cuda {

template <typename C>
__device__ C nan_of() {
  return C(NAN);
}

// Output p = ((k * C + c) * rows + i) * columns + j  ->  out[k, c, i, j].
//
// Neighbouring threads share the RoI and the channel and compute neighbouring bins: their writes
// are coalesced, their reads are scattered over a plane of the map, 4 x samples each, and every
// thread works out the same geometry as those of the other channels.
template <typename T>
__global__ void roi_align_kernel_1(Maps<const T> input, const compute_t<T>* rois, RoiGrid grid,
                                   Maps<T> out) {
  using C = compute_t<T>;
  const int64_t p = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
  if (p >= out.images * out.channels * out.height * out.width) return;
  const int64_t j = p % out.width, i = p / out.width % out.height;
  const int64_t c = p / (out.width * out.height) % out.channels;
  const int64_t k = p / (out.width * out.height * out.channels);
  const Roi<C> roi = place_roi(rois + 5 * k, input.images, grid);
  C sum = roi.fault == RoiFault::none ? C(0) : nan_of<C>();
  for (int64_t a = 0; a < roi.y.samples; ++a) {
    const AxisTaps<C> y = axis_taps(roi.y.position(i, a), input.height);
    if (y.outside) continue;
    for (int64_t b = 0; b < roi.x.samples; ++b) {
      const AxisTaps<C> x = axis_taps(roi.x.position(j, b), input.width);
      if (x.outside) continue;
      sum += y.weight_low * x.weight_low * widen(*input.at(roi.image, c, y.low, x.low)) +
             y.weight_low * x.weight_high * widen(*input.at(roi.image, c, y.low, x.high)) +
             y.weight_high * x.weight_low * widen(*input.at(roi.image, c, y.high, x.low)) +
             y.weight_high * x.weight_high * widen(*input.at(roi.image, c, y.high, x.high));
    }
  }
  *out.at(k, c, i, j) = narrow<T>(sum / roi.count());
}

// Gradient p, numbered as above  ->  added to the cells that output p was computed from.
//
// Other threads add to the same cells, so additions are atomic; their order, and with it the last
// bits of the sum, changes from run to run. `sums` must be zero before.
template <typename T>
__global__ void roi_align_backward_kernel_1(Maps<const T> grad, const compute_t<T>* rois,
                                            RoiGrid grid, Maps<compute_t<T>> sums) {
  using C = compute_t<T>;
  const int64_t p = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
  if (p >= grad.images * grad.channels * grad.height * grad.width) return;
  const int64_t j = p % grad.width, i = p / grad.width % grad.height;
  const int64_t c = p / (grad.width * grad.height) % grad.channels;
  const int64_t k = p / (grad.width * grad.height * grad.channels);
  const Roi<C> roi = place_roi(rois + 5 * k, sums.images, grid);
  if (roi.fault != RoiFault::none) return;
  const C share = widen(*grad.at(k, c, i, j)) / roi.count();
  for (int64_t a = 0; a < roi.y.samples; ++a) {
    const AxisTaps<C> y = axis_taps(roi.y.position(i, a), sums.height);
    if (y.outside) continue;
    for (int64_t b = 0; b < roi.x.samples; ++b) {
      const AxisTaps<C> x = axis_taps(roi.x.position(j, b), sums.width);
      if (x.outside) continue;
      atomicAdd(sums.at(roi.image, c, y.low, x.low), y.weight_low * x.weight_low * share);
      atomicAdd(sums.at(roi.image, c, y.low, x.high), y.weight_low * x.weight_high * share);
      atomicAdd(sums.at(roi.image, c, y.high, x.low), y.weight_high * x.weight_low * share);
      atomicAdd(sums.at(roi.image, c, y.high, x.high), y.weight_high * x.weight_high * share);
    }
  }
}

// Block ((k * chunks) + chunk) * groups + group: 64 bins of RoI k, 32 channels.
//
// Warp w computes bins w, w + 8, ...; each read is one line of 128 bytes (float32). `input` has
// its channels side by side. The results take the way through shared memory, with a column of
// padding, against 32 lanes in the same bank.
template <typename T>
__global__ void roi_align_kernel_2(Maps<const T> input, const compute_t<T>* rois, RoiGrid grid,
                                   Maps<T> out) {
  using C = compute_t<T>;
  __shared__ C results[kPlaces][kWarp + 1];
  const int64_t bins = grid.rows * grid.columns;
  const int64_t chunks = (bins + kPlaces - 1) / kPlaces;
  const int64_t groups = (out.channels + kWarp - 1) / kWarp;
  const int64_t k = blockIdx.x / (chunks * groups);
  const int64_t first_bin = blockIdx.x / groups % chunks * kPlaces;
  const int64_t first_channel = blockIdx.x % groups * kWarp;
  const int64_t channel = first_channel + threadIdx.x % kWarp;
  const Roi<C> roi = place_roi(rois + 5 * k, input.images, grid);

  for (int place = threadIdx.x / kWarp; place < kPlaces; place += kWarps) {
    const int64_t bin = first_bin + place;
    if (bin >= bins || channel >= out.channels) break;
    C sum = roi.fault == RoiFault::none ? C(0) : nan_of<C>();
    for (int64_t a = 0; a < roi.y.samples; ++a) {
      const AxisTaps<C> y = axis_taps(roi.y.position(bin / grid.columns, a), input.height);
      if (y.outside) continue;
      const T* low = input.at(roi.image, channel, y.low, 0);
      const T* high = input.at(roi.image, channel, y.high, 0);
      for (int64_t b = 0; b < roi.x.samples; ++b) {
        const AxisTaps<C> x = axis_taps(roi.x.position(bin % grid.columns, b), input.width);
        if (x.outside) continue;
        const int64_t left = x.low * input.column_stride, right = x.high * input.column_stride;
        sum +=
            y.weight_low * (x.weight_low * widen(low[left]) + x.weight_high * widen(low[right])) +
            y.weight_high * (x.weight_low * widen(high[left]) + x.weight_high * widen(high[right]));
      }
    }
    results[place][threadIdx.x % kWarp] = sum / roi.count();
  }
  __syncthreads();

  for (int s = 0; s < kPlaces * kWarp / kThreads; ++s) {
    const Element e = element_of(threadIdx.x, s, out.channel_stride == 1);
    const int64_t bin = first_bin + e.place, c = first_channel + e.channel;
    if (bin >= bins || c >= out.channels) continue;
    *out.at(k, c, bin / grid.columns, bin % grid.columns) = narrow<T>(results[e.place][e.channel]);
  }
}

struct Range {
  int64_t begin, end;
};

// The bins of an axis whose samples may count for cells [first, last]. Too many is no harm: their
// weights are 0; hence a cell and a bin more on either side, against rounding.
template <typename C>
__device__ Range bins_near(const RoiAxis<C>& axis, int64_t bins, int64_t first, int64_t last) {
  const C low = C(first - 2) - axis.start, high = C(last + 2) - axis.start;
  if (axis.samples == 0 || high < C(0)) return {0, 0};
  if (axis.bin == C(0)) return {0, low <= C(0) ? bins : 0};
  const C begin = low / axis.bin - C(2), end = high / axis.bin + C(2);
  return {begin <= C(0)      ? 0
          : begin >= C(bins) ? bins
                             : int64_t(begin),
          end >= C(bins) ? bins : int64_t(end)};
}

// How much cell `cell` of an axis counts in bin i, over all samples of the bin.
template <typename C>
__device__ C weight_in_bin(const RoiAxis<C>& axis, int64_t i, int64_t cell, int64_t cells) {
  C weight = C(0);
  for (int64_t sample = 0; sample < axis.samples; ++sample) {
    const AxisTaps<C> taps = axis_taps(axis.position(i, sample), cells);
    if (taps.low == cell) weight += taps.weight_low;
    if (taps.high == cell) weight += taps.weight_high;
  }
  return weight;
}

constexpr int kBins = 32;  // whose weights are held at a time, along each axis

template <typename C>
__device__ Range rows_near(const Tile& tile, const Roi<C>& roi, const RoiGrid& grid) {
  return bins_near(roi.y, grid.rows, tile.top, tile.top + kSide - 1);
}
template <typename C>
__device__ Range columns_near(const Tile& tile, const Roi<C>& roi, const RoiGrid& grid) {
  return bins_near(roi.x, grid.columns, tile.left, tile.left + kSide - 1);
}

// Thread t works out one weight of a row and one of a column of the tile, of 32 bins each.
template <typename C>
__device__ void hold_weights(const Tile& tile, const Roi<C>& roi, Range rows, Range columns,
                             C (*row_weights)[kSide], C (*column_weights)[kSide]) {
  const int bin = threadIdx.x / kSide, cell = threadIdx.x % kSide;
  const int64_t i = rows.begin + bin, j = columns.begin + bin;
  row_weights[bin][cell] =
      i < rows.end ? weight_in_bin(roi.y, i, tile.top + cell, tile.height) / roi.count() : C(0);
  column_weights[bin][cell] =
      j < columns.end ? weight_in_bin(roi.x, j, tile.left + cell, tile.width) : C(0);
}

// Adds up to 32 x 32 bins' gradients to the 8 cells of this thread.
template <typename T, typename C>
__device__ void add_gradients(const Maps<const T>& grad, int64_t k, int64_t channel, Range rows,
                              Range columns, const C (*row_weights)[kSide],
                              const C (*column_weights)[kSide], C* sums) {
  for (int64_t i = rows.begin; i < rows.begin + kBins && i < rows.end; ++i) {
    const C row_weight = row_weights[i - rows.begin][threadIdx.x / kWarp];
    if (row_weight == C(0)) continue;  // for the whole warp
    for (int64_t j = columns.begin; j < columns.begin + kBins && j < columns.end; ++j) {
      const C share = row_weight * widen(*grad.at(k, channel, i, j));
      for (int x = 0; x < kSide; ++x) sums[x] += column_weights[j - columns.begin][x] * share;
    }
  }
}

// Block ((n * tiles_down + down) * tiles_across + across) * groups + group: a tile of image n, 32
// channels. No other block writes to these cells, and additions come in the order of RoIs, rows
// and columns of bins: no atomic operations, the same bits every time.
//
// Thread t holds row t / 32 of the tile, channel t % 32, in 8 registers. First the block looks for
// RoIs that touch its tile, 256 at a time, and keeps their numbers in order (ballot and prefix
// sum). Then, RoI by RoI, it works out the weights of the tile's rows and columns in every bin
// nearby, one a thread, and adds (row's weight) * (column's weight) * gradient. A gradient is read
// by the 8 warps one after the other, as a line of 128 bytes: `grad` has its channels side by side.
template <typename T>
__global__ void roi_align_backward_kernel_2(Maps<const T> grad, const compute_t<T>* rois,
                                            RoiGrid grid, Maps<T> grad_input) {
  using C = compute_t<T>;
  __shared__ int64_t touching[kThreads];
  __shared__ unsigned votes[kWarps];
  __shared__ C row_weights[kBins][kSide], column_weights[kBins][kSide];
  __shared__ C results[kPlaces][kWarp + 1];
  const int t = threadIdx.x, lane = t % kWarp, warp = t / kWarp;
  const Tile tile = tile_of(blockIdx.x, grad_input);
  const int64_t channel = tile.first_channel + lane;

  C sums[kSide] = {};
  for (int64_t first = 0; first < grad.images; first += kThreads) {
    bool touches = false;
    if (first + t < grad.images) {
      const Roi<C> roi = place_roi(rois + 5 * (first + t), grad_input.images, grid);
      const Range i = rows_near(tile, roi, grid), j = columns_near(tile, roi, grid);
      touches =
          roi.fault == RoiFault::none && roi.image == tile.n && i.begin < i.end && j.begin < j.end;
    }
    int num_touching = 0;
    const int place = place_among_touching(touches, votes, num_touching);
    if (touches) touching[place] = first + t;
    __syncthreads();

    for (int q = 0; q < num_touching; ++q) {
      const Roi<C> roi = place_roi(rois + 5 * touching[q], grad_input.images, grid);
      Range rows = rows_near(tile, roi, grid);
      for (; rows.begin < rows.end; rows.begin += kBins) {
        Range columns = columns_near(tile, roi, grid);
        for (; columns.begin < columns.end; columns.begin += kBins) {
          __syncthreads();  // until the weights before are of no more use
          hold_weights(tile, roi, rows, columns, row_weights, column_weights);
          __syncthreads();
          if (channel < grad.channels) {
            add_gradients(grad, touching[q], channel, rows, columns, row_weights, column_weights,
                          sums);
          }
        }
      }
    }
    __syncthreads();  // until `touching` and `votes` are of no more use
  }

  for (int x = 0; x < kSide; ++x) results[warp * kSide + x][lane] = sums[x];
  __syncthreads();
  write_tile(tile, results, grad_input);
}

}  // namespace edudet::cuda

// RoI pooling and its gradient, twice.
//
//   roi_pool_kernel_1            one thread computes one output
//   roi_pool_backward_kernel_1   one thread hands on one gradient, with an atomic addition
//   roi_pool_kernel_2            a warp computes a bin, 32 channels wide
//   roi_pool_backward_kernel_2   a block owns a tile of the map and collects what belongs there
#pragma once

#include <cmath>
#include <cstdint>

#include "../common/half.h"
#include "../common/largest.h"
#include "../common/maps.h"
#include "../common/snapped_roi.h"
#include "channel_tiles.h"

namespace edudet::cuda {

// The largest cell of a bin, and where it is: -1 for none.
template <typename C>
struct Largest {
  C value;
  int32_t cell;
};

template <typename T, typename C = compute_t<T>>
__device__ Largest<C> largest_in(const Maps<const T>& input, int64_t n, int64_t c, CellRange rows,
                                 CellRange columns) {
  if (rows.begin >= rows.end || columns.begin >= columns.end) return {C(0), -1};
  Largest<C> largest = {widen(*input.at(n, c, rows.begin, columns.begin)),
                        int32_t(rows.begin * input.width + columns.begin)};
  for (int64_t y = rows.begin; y < rows.end; ++y) {
    const T* row = input.at(n, c, y, 0);
    for (int64_t x = columns.begin; x < columns.end; ++x) {
      const C value = widen(row[x * input.column_stride]);
      if (exceeds(value, largest.value)) largest = {value, int32_t(y * input.width + x)};
    }
  }
  return largest;
}

// Output p = ((k * C + c) * rows + i) * columns + j  ->  out[k, c, i, j] and argmax[k, c, i, j].
//
// Neighbouring threads share the RoI and the channel and compute neighbouring bins: their writes
// are coalesced, their reads are scattered over a plane of the map, and every thread works out the
// same geometry as those of the other channels.
template <typename T>
__global__ void roi_pool_kernel_1(Maps<const T> input, const compute_t<T>* rois, RoiBins grid,
                                  Maps<T> out, Maps<int32_t> argmax) {
  using C = compute_t<T>;
  const int64_t p = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
  if (p >= out.images * out.channels * out.height * out.width) return;
  const int64_t j = p % out.width, i = p / out.width % out.height;
  const int64_t c = p / (out.width * out.height) % out.channels;
  const int64_t k = p / (out.width * out.height * out.channels);
  const SnappedRoi roi = snap_roi(rois + 5 * k, input.images, grid);
  Largest<C> largest = {C(NAN), -1};
  if (roi.fault == RoiFault::none) {
    largest = largest_in(input, roi.image, c, roi.y.cells_of(i, grid.rows, input.height),
                         roi.x.cells_of(j, grid.columns, input.width));
  }
  *out.at(k, c, i, j) = narrow<T>(largest.value);
  if (argmax.data) *argmax.at(k, c, i, j) = largest.cell;
}

// Gradient p, numbered as above  ->  added to the cell that output p came from.
//
// Other threads add to the same cell, so additions are atomic; their order, and with it the last
// bits of the sum, changes from run to run. `sums` must be zero before.
template <typename T>
__global__ void roi_pool_backward_kernel_1(Maps<const T> grad, Maps<const int32_t> argmax,
                                           const compute_t<T>* rois, Maps<compute_t<T>> sums) {
  using C = compute_t<T>;
  const int64_t p = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
  if (p >= grad.images * grad.channels * grad.height * grad.width) return;
  const int64_t j = p % grad.width, i = p / grad.width % grad.height;
  const int64_t c = p / (grad.width * grad.height) % grad.channels;
  const int64_t k = p / (grad.width * grad.height * grad.channels);
  const C image = rois[5 * k];
  const int64_t cell = *argmax.at(k, c, i, j);
  if (cell < 0 || cell >= sums.height * sums.width || !is_index(image, sums.images)) return;
  C* sum = sums.at(int64_t(image), c, cell / sums.width, cell % sums.width);
  atomicAdd(sum, widen(*grad.at(k, c, i, j)));
}

// Block ((k * chunks) + chunk) * groups + group: 64 bins of RoI k, 32 channels.
//
// The first 64 threads work out which cells belong to a bin each. Then warp w computes bins w, w +
// 8, ...; each read is one line of 128 bytes (float32), as `input` has its channels side by side.
// The results take the way through shared memory, with a column of padding, against 32 lanes in the
// same bank.
template <typename T>
__global__ void roi_pool_kernel_2(Maps<const T> input, const compute_t<T>* rois, RoiBins grid,
                                  Maps<T> out, Maps<int32_t> argmax) {
  using C = compute_t<T>;
  __shared__ CellRange rows[kPlaces], columns[kPlaces];
  __shared__ C values[kPlaces][kWarp + 1];
  __shared__ int32_t cells[kPlaces][kWarp + 1];
  const int t = threadIdx.x, lane = t % kWarp;
  const int64_t bins = grid.rows * grid.columns;
  const int64_t chunks = (bins + kPlaces - 1) / kPlaces;
  const int64_t groups = (out.channels + kWarp - 1) / kWarp;
  const int64_t k = blockIdx.x / (chunks * groups);
  const int64_t first_bin = blockIdx.x / groups % chunks * kPlaces;
  const int64_t first_channel = blockIdx.x % groups * kWarp;
  const SnappedRoi roi = snap_roi(rois + 5 * k, input.images, grid);

  if (t < kPlaces && first_bin + t < bins) {
    rows[t] = roi.y.cells_of((first_bin + t) / grid.columns, grid.rows, input.height);
    columns[t] = roi.x.cells_of((first_bin + t) % grid.columns, grid.columns, input.width);
  }
  __syncthreads();
  for (int place = t / kWarp; place < kPlaces; place += kWarps) {
    if (first_bin + place >= bins || first_channel + lane >= out.channels) break;
    Largest<C> largest = {C(NAN), -1};
    if (roi.fault == RoiFault::none) {
      largest = largest_in(input, roi.image, first_channel + lane, rows[place], columns[place]);
    }
    values[place][lane] = largest.value;
    cells[place][lane] = largest.cell;
  }
  __syncthreads();

  for (int s = 0; s < kPlaces * kWarp / kThreads; ++s) {
    const Element e = element_of(t, s, out.channel_stride == 1);
    const int64_t bin = first_bin + e.place, c = first_channel + e.channel;
    if (bin >= bins || c >= out.channels) continue;
    *out.at(k, c, bin / grid.columns, bin % grid.columns) = narrow<T>(values[e.place][e.channel]);
    if (argmax.data) {
      *argmax.at(k, c, bin / grid.columns, bin % grid.columns) = cells[e.place][e.channel];
    }
  }
}

// Adds the gradients of RoI k whose cell is in row y of the map and columns [left, left + 8).
template <typename T, typename C>
__device__ void collect(const Maps<const T>& grad, const Maps<const int32_t>& argmax, int64_t k,
                        int64_t channel, CellRange rows, CellRange columns, int64_t first_cell,
                        C* sums) {
  for (int64_t i = rows.begin; i < rows.end; ++i) {
    for (int64_t j = columns.begin; j < columns.end; ++j) {
      const int64_t place = *argmax.at(k, channel, i, j) - first_cell;
      const C value = widen(*grad.at(k, channel, i, j));  // by all lanes or none: one line
      for (int x = 0; x < kSide; ++x) sums[x] += place == x ? value : C(0);
    }
  }
}

// Block ((n * tiles_down + down) * tiles_across + across) * groups + group: a tile of image n, 32
// channels. No other block writes to these cells, and additions come in the order of RoIs, rows
// and columns of bins: no atomic operations, the same bits every time.
//
// Thread t holds row t / 32 of the tile, channel t % 32, in 8 registers. First the block looks for
// RoIs that touch its tile, 256 at a time, and keeps their numbers in order (ballot and prefix
// sum). Then, RoI by RoI, each warp reads the gradients of the bins that touch its row, as lines of
// 128 bytes: `grad` and `argmax` have their channels side by side.
template <typename T>
__global__ void roi_pool_backward_kernel_2(Maps<const T> grad, Maps<const int32_t> argmax,
                                           const compute_t<T>* rois, RoiBins grid,
                                           Maps<T> grad_input) {
  using C = compute_t<T>;
  __shared__ int64_t touching[kThreads];
  __shared__ unsigned votes[kWarps];
  __shared__ C results[kPlaces][kWarp + 1];
  const int t = threadIdx.x, lane = t % kWarp, warp = t / kWarp;
  const Tile tile = tile_of(blockIdx.x, grad_input);
  const int64_t channel = tile.first_channel + lane, y = tile.top + warp;

  C sums[kSide] = {};
  for (int64_t first = 0; first < grad.images; first += kThreads) {
    bool touches = false;
    if (first + t < grad.images) {
      const SnappedRoi roi = snap_roi(rois + 5 * (first + t), grad_input.images, grid);
      const CellRange i = roi.y.bins_of(tile.top, tile.top + kSide, grid.rows);
      const CellRange j = roi.x.bins_of(tile.left, tile.left + kSide, grid.columns);
      touches =
          roi.fault == RoiFault::none && roi.image == tile.n && i.begin < i.end && j.begin < j.end;
    }
    int num_touching = 0;
    const int place = place_among_touching(touches, votes, num_touching);
    if (touches) touching[place] = first + t;
    __syncthreads();

    for (int q = 0; q < num_touching; ++q) {
      const SnappedRoi roi = snap_roi(rois + 5 * touching[q], grad_input.images, grid);
      const CellRange i = roi.y.bins_of(y, y + 1, grid.rows);
      const CellRange j = roi.x.bins_of(tile.left, tile.left + kSide, grid.columns);
      if (channel >= grad.channels || y >= grad_input.height) continue;
      collect(grad, argmax, touching[q], channel, i, j, y * grad_input.width + tile.left, sums);
    }
    __syncthreads();  // until `touching` and `votes` are of no more use
  }

  for (int x = 0; x < kSide; ++x) results[warp * kSide + x][lane] = sums[x];
  __syncthreads();
  write_tile(tile, results, grad_input);
}

}  // namespace edudet::cuda

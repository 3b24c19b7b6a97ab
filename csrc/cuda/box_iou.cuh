// Two ways to fill the (n, m) matrix of IoUs.
//
//   box_iou_kernel_1   one thread computes one IoU
//   box_iou_kernel_2   one thread computes a column of a tile and keeps its box in registers
#pragma once

#include <cmath>
#include <cstdint>

#include "../common/box.h"

namespace edudet::cuda {

template <typename Out>
__device__ Out not_a_number() {
  return Out(NAN);
}

// Pair p = (image * n + i) * m + j of all images  ->  out[p].
//
// Neighbouring threads share i and step through j: boxes1 comes from the cache, boxes2 is read in
// order and the writes are coalesced. Yet every box is loaded, and its area computed, once a pair.
template <IouKind kind, typename T, typename Out>
__global__ void box_iou_kernel_1(const T* boxes1, int64_t n, const T* boxes2, int64_t m,
                                 int64_t batch, compute_t<T> eps, Out* out) {
  using C = compute_t<T>;
  const int64_t p = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
  if (p >= batch * n * m) return;  // the last block is not full
  const int64_t row = p / m, column = row / n * m + p % m;
  const Box<C> a = load_box(boxes1 + 4 * row), b = load_box(boxes2 + 4 * column);
  const bool with_angle = kind == IouKind::complete;
  const C value = iou_of_kind<kind>(measure(a, with_angle), measure(b, with_angle), eps);
  out[p] = is_valid(a) && is_valid(b) ? Out(value) : not_a_number<Out>();
}

constexpr int kTileRows = 32, kTileColumns = 256;

// One block computes a tile of kTileRows x kTileColumns; tiles are numbered image by image, and
// row by row inside an image.
//
// Thread t keeps box `column + t` of boxes2 in registers. The rows' boxes lie in shared memory,
// where all threads read the same one at a time (a broadcast). So a box is loaded and measured
// once a tile, and what is left per pair is arithmetic and one coalesced write of 32 x 4 bytes.
// 256 threads are 8 warps: enough to hide the latency of the writes.
template <IouKind kind, typename T, typename Out>
__global__ void box_iou_kernel_2(const T* boxes1, int64_t n, const T* boxes2, int64_t m,
                                 compute_t<T> eps, Out* out) {
  using C = compute_t<T>;
  __shared__ MeasuredBox<C> rows[kTileRows];
  __shared__ bool row_is_valid[kTileRows];
  const bool with_angle = kind == IouKind::complete;
  const int64_t tiles_down = (n + kTileRows - 1) / kTileRows;
  const int64_t tiles_across = (m + kTileColumns - 1) / kTileColumns;
  const int64_t image = blockIdx.x / (tiles_down * tiles_across);
  const int64_t first_row = blockIdx.x / tiles_across % tiles_down * kTileRows;
  const int64_t column = blockIdx.x % tiles_across * kTileColumns + threadIdx.x;
  const int num_rows = n - first_row < kTileRows ? int(n - first_row) : kTileRows;

  if (threadIdx.x < num_rows) {
    const Box<C> box = load_box(boxes1 + 4 * (image * n + first_row + threadIdx.x));
    rows[threadIdx.x] = measure(box, with_angle);
    row_is_valid[threadIdx.x] = is_valid(box);
  }
  __syncthreads();
  if (column >= m) return;  // only now: the barrier needs every thread

  const Box<C> box = load_box(boxes2 + 4 * (image * m + column));
  const MeasuredBox<C> b = measure(box, with_angle);
  const bool column_is_valid = is_valid(box);
  Out* to = out + (image * n + first_row) * m + column;
  for (int i = 0; i < num_rows; ++i) {
    const C value = iou_of_kind<kind>(rows[i], b, eps);
    to[i * m] = column_is_valid && row_is_valid[i] ? Out(value) : not_a_number<Out>();
  }
}

}  // namespace edudet::cuda

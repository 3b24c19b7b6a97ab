// Corner pooling and its gradient, twice. A maximum runs along columns, along rows, or along both,
// whose results are added.
//
//   corner_pool_kernel_1            one thread computes one output, from all cells it depends on
//   corner_pool_backward_kernel_1   one thread hands on one gradient, with atomic additions
//   corner_pool_kernel_2_*          a maximum runs: a thread a column, or a warp a row
//   corner_pool_backward_kernel_2_* the same walk, collecting gradients on the way
#pragma once

#include <cstdint>

#include "../corner_pool.h"

namespace edudet::cuda {

constexpr int kWarp = 32;
constexpr unsigned kAll = 0xffffffffu;

// The i-th of `count` lines, or cells of a line, of a walk from the first (step 1) or the last.
__device__ inline int64_t of_walk(int64_t i, int64_t count, int step) {
  return step > 0 ? i : count - 1 - i;
}

// Where the maximum of cells 0, ..., i of the walk along a line is. `pitch`: between the cells.
template <typename T>
__device__ int64_t maximum_until(const T* line, int64_t pitch, int64_t i, int64_t count, int step) {
  int64_t best = of_walk(0, count, step);
  for (int64_t j = 1; j <= i; ++j) {
    const int64_t cell = of_walk(j, count, step);
    if (exceeds(widen(line[cell * pitch]), widen(line[best * pitch]))) best = cell;
  }
  return best;
}

// Output (plane * height + y) * width + x.
//
// By the definition: every thread looks at all cells that its output depends on, height * width *
// (height + width) / 2 reads a plane in all. Neighbours read neighbours along columns, and the same
// cells along rows.
template <typename T>
__global__ void corner_pool_kernel_1(CornerGrid grid, const T* input, T* out) {
  using C = compute_t<T>;
  const int64_t p = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
  if (p >= grid.planes * grid.height * grid.width) return;
  const int64_t x = p % grid.width, y = p / grid.width % grid.height;
  const T *row = input + (p - x), *column = input + (p - y * grid.width);
  C sum = C(0);
  if (grid.down) {
    const int64_t i = of_walk(y, grid.height, grid.down);
    sum += widen(column[maximum_until(column, grid.width, i, grid.height, grid.down) * grid.width]);
  }
  if (grid.right) {
    const int64_t i = of_walk(x, grid.width, grid.right);
    sum += widen(row[maximum_until(row, 1, i, grid.width, grid.right)]);
  }
  out[p] = narrow<T>(sum);
}

// Gradient p, numbered as above  ->  added to the cells that output p was read from.
//
// Many gradients go to one cell, so additions are atomic; their order, and with it the last bits of
// the sum, changes from run to run. `sums` must be zero before.
template <typename T>
__global__ void corner_pool_backward_kernel_1(CornerGrid grid, const T* grad, const T* input,
                                              compute_t<T>* sums) {
  using C = compute_t<T>;
  const int64_t p = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
  if (p >= grid.planes * grid.height * grid.width) return;
  const int64_t x = p % grid.width, y = p / grid.width % grid.height;
  const int64_t row = p - x, column = p - y * grid.width;
  const C share = widen(grad[p]);
  if (grid.down) {
    const int64_t i = of_walk(y, grid.height, grid.down);
    const int64_t best = maximum_until(input + column, grid.width, i, grid.height, grid.down);
    atomicAdd(sums + column + best * grid.width, share);
  }
  if (grid.right) {
    const int64_t i = of_walk(x, grid.width, grid.right);
    atomicAdd(sums + row + maximum_until(input + row, 1, i, grid.width, grid.right), share);
  }
}

// Thread plane * width + x runs down, or up, a column.
//
// Each number is read once; neighbours read and write neighbours. The columns of all planes are
// the only parallel work: blocks are small, so that they spread over the GPU.
template <typename T>
__global__ void corner_pool_kernel_2_columns(CornerGrid grid, const T* input, T* out) {
  using C = compute_t<T>;
  const int64_t p = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
  if (p >= grid.planes * grid.width) return;
  const int64_t column = p / grid.width * grid.height * grid.width + p % grid.width;
  C best = C(0);
  for (int64_t i = 0; i < grid.height; ++i) {
    const int64_t at = column + of_walk(i, grid.height, grid.down) * grid.width;
    const C value = widen(input[at]);
    if (i == 0 || exceeds(value, best)) best = value;
    out[at] = narrow<T>(best);
  }
}

// The running maximum over the lanes of a warp, from lane 0 on: 5 steps, each looking twice as far
// as the one before. Of equals, the lower lane's stays.
template <typename C>
__device__ C maximum_over_lanes(C value) {
  const int lane = threadIdx.x % kWarp;
  for (int reach = 1; reach < kWarp; reach *= 2) {
    const C early = __shfl_up_sync(kAll, value, reach);
    if (lane >= reach && !exceeds(value, early)) value = early;
  }
  return value;
}

// Warp plane * height + y runs along a row, 32 cells at a time; `best` carries the maximum from
// one step to the next. With `added`, out holds the maxima along columns, which these are added to.
// Lanes beyond the row's end repeat its last cell of the walk: they change no maximum.
template <typename T>
__global__ void corner_pool_kernel_2_rows(CornerGrid grid, const T* input, bool added, T* out) {
  using C = compute_t<T>;
  const int64_t warp = (blockIdx.x * int64_t(blockDim.x) + threadIdx.x) / kWarp;
  if (warp >= grid.planes * grid.height) return;
  const int lane = threadIdx.x % kWarp;
  const int64_t row = warp * grid.width;
  C best = C(0);
  for (int64_t first = 0; first < grid.width; first += kWarp) {
    const int64_t i = first + lane, last = grid.width - 1;
    const int64_t at = row + of_walk(i < last ? i : last, grid.width, grid.right);
    C value = maximum_over_lanes(widen(input[at]));
    if (first > 0 && !exceeds(value, best)) value = best;
    best = __shfl_sync(kAll, value, kWarp - 1);
    if (i <= last) out[at] = narrow<T>(added ? widen(out[at]) + value : value);
  }
}

// Thread plane * width + x walks a column as above. It adds up gradients for as long as the maximum
// stays in a cell, and writes their sum there when another takes its place.
template <typename T, typename Out>
__global__ void corner_pool_backward_kernel_2_columns(CornerGrid grid, const T* grad,
                                                      const T* input, Out* sums) {
  using C = compute_t<T>;
  const int64_t p = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
  if (p >= grid.planes * grid.width) return;
  const int64_t column = p / grid.width * grid.height * grid.width + p % grid.width;
  C best = C(0), sum = C(0);
  int64_t owner = 0;
  for (int64_t i = 0; i < grid.height; ++i) {
    const int64_t at = column + of_walk(i, grid.height, grid.down) * grid.width;
    const C value = widen(input[at]);
    if (i == 0 || exceeds(value, best)) {
      if (i > 0) sums[owner] = narrow<Out>(sum);
      best = value, sum = C(0), owner = at;
    } else {
      sums[at] = narrow<Out>(C(0));
    }
    sum += widen(grad[at]);
  }
  sums[owner] = narrow<Out>(sum);
}

// Adds up `value` from each lane to the last before the next start of a run (a bit of `starts`).
template <typename C>
__device__ C sum_of_run(C value, unsigned starts) {
  const int lane = threadIdx.x % kWarp;
  const unsigned later = lane + 1 < kWarp ? starts >> (lane + 1) : 0;
  const int end = later ? lane + __ffs(later) : kWarp;
  for (int reach = 1; reach < kWarp; reach *= 2) {
    const C late = __shfl_down_sync(kAll, value, reach);
    if (lane + reach < end) value += late;
  }
  return value;
}

// Warp plane * height + y walks a row as above, 32 cells at a time. A cell where the maximum
// changes starts a run; a run that goes on beyond the 32 is carried: its cell and sum so far, the
// same in all lanes. Each cell is written once, by the lane that starts its run, or at the run's
// end by lane 0.
// With `added`, sums holds the gradients that come along columns, which these are added to.
template <typename T>
__global__ void corner_pool_backward_kernel_2_rows(CornerGrid grid, const T* grad, const T* input,
                                                   const compute_t<T>* added, T* grad_input) {
  using C = compute_t<T>;
  const int64_t warp = (blockIdx.x * int64_t(blockDim.x) + threadIdx.x) / kWarp;
  if (warp >= grid.planes * grid.height) return;
  const int lane = threadIdx.x % kWarp;
  const int64_t row = warp * grid.width;
  const auto write = [&](int64_t at, C sum) {
    grad_input[at] = narrow<T>(added ? added[at] + sum : sum);
  };
  C best = C(0), carried = C(0);
  int64_t owner = 0;
  for (int64_t first = 0; first < grid.width; first += kWarp) {
    const int64_t i = first + lane, last = grid.width - 1;
    const int64_t at = row + of_walk(i < last ? i : last, grid.width, grid.right);
    const C value = widen(input[at]), until = maximum_over_lanes(value);
    C before = __shfl_up_sync(kAll, until, 1);
    if (first > 0 && (lane == 0 || !exceeds(before, best))) before = best;
    const bool is_start = (first == 0 && lane == 0) || exceeds(value, before);
    const unsigned starts = __ballot_sync(kAll, is_start);
    const C sum = sum_of_run(i <= last ? widen(grad[at]) : C(0), starts);

    const int last_start = kWarp - 1 - __clz(starts);  // -1: none
    const C head = __shfl_sync(kAll, sum, 0), tail = __shfl_sync(kAll, sum, last_start & 31);
    const int64_t tail_owner = __shfl_sync(kAll, at, last_start & 31);
    if (!(starts & 1)) carried += head;  // the run from before goes on
    if (starts) {
      if (first > 0 && lane == 0) write(owner, carried);
      carried = tail, owner = tail_owner;
    }
    if (i <= last && lane != last_start) write(at, is_start ? sum : C(0));
    const C end = __shfl_sync(kAll, until, kWarp - 1);
    if (first == 0 || exceeds(end, best)) best = end;
  }
  if (lane == 0) write(owner, carried);
}

}  // namespace edudet::cuda

// Grid sampling and its gradients, twice.
//
//   grid_sample_kernel_1            one thread computes one output of one channel
//   grid_sample_backward_kernel_1   one thread sends one gradient on, all of it by atomic additions
//   grid_sample_kernel_2            one thread computes one output point in all channels
//   grid_sample_backward_kernel_2   the same; the point's gradient is one thread's own
//
// Neighbouring threads have neighbouring output points of a channel: their accesses to outputs
// are coalesced, those to the input are as scattered as the grid is. The taps of a point cost more
// than reading them in one channel: hence kernel 2, where there are points enough to fill the GPU.
#pragma once

#include <cstdint>

#include "../common/grid.h"
#include "../common/half.h"

namespace edudet::cuda {

// The taps of one point along each axis; those of z for images: cell 0, weight 1.
template <Sampling M, typename C>
struct PointTaps {
  GridTaps<M, C> x, y, z;
  int planes;  // taps along z
};

template <Sampling M, typename C>
__device__ GridTaps<M, C> taps_on_axis(const GridAxis<C>& axis, C coordinate, Padding padding) {
  if (padding == Padding::zeros) return grid_taps<M, Padding::zeros>(axis, coordinate);
  if (padding == Padding::border) return grid_taps<M, Padding::border>(axis, coordinate);
  return grid_taps<M, Padding::reflection>(axis, coordinate);
}

// Of a point (x, y) or (x, y, z).
template <Sampling M, typename C>
__device__ PointTaps<M, C> taps_at(const GridShape& shape, const C* point, Padding padding) {
  PointTaps<M, C> taps;
  taps.x = taps_on_axis<M>(shape.axis<C>(0), point[0], padding);
  taps.y = taps_on_axis<M>(shape.axis<C>(1), point[1], padding);
  if (shape.axes == 3) {
    taps.z = taps_on_axis<M>(shape.axis<C>(2), point[2], padding);
    taps.planes = GridTaps<M, C>::kTaps;
  } else {
    taps.z.cells[0] = 0, taps.z.weights[0] = C(1), taps.z.slopes[0] = C(0);
    taps.planes = 1;
  }
  return taps;
}

// The cell of taps (i, j, k) of z, y and x, or -1.
template <Sampling M, typename C>
__device__ int64_t cell_at(const GridShape& shape, const PointTaps<M, C>& taps, int i, int j,
                           int k) {
  const int32_t z = taps.z.cells[i], y = taps.y.cells[j], x = taps.x.cells[k];
  if (z < 0 || y < 0 || x < 0) return -1;
  return (z * shape.in[1] + y) * shape.in[2] + x;
}

template <Sampling M, typename T, typename C>
__device__ C read(const GridShape& shape, const PointTaps<M, C>& taps, const T* channel) {
  constexpr int kTaps = GridTaps<M, C>::kTaps;
  C sum = C(0);
  for (int i = 0; i < taps.planes; ++i) {
    for (int j = 0; j < kTaps; ++j) {
      for (int k = 0; k < kTaps; ++k) {
        const int64_t cell = cell_at(shape, taps, i, j, k);
        const C value = cell < 0 ? C(0) : widen(channel[cell]);
        sum += taps.z.weights[i] * taps.y.weights[j] * taps.x.weights[k] * value;
      }
    }
  }
  return sum;
}

template <typename C>
struct PointGradient {
  C x, y, z;
};

// Sends the gradient `slope` of one output to the cells that it was read from, unless `sums` is
// null, by atomic additions: other points read them, too. Adds to `gradient`, that of the point.
template <Sampling M, typename T, typename C>
__device__ void send(const GridShape& shape, const PointTaps<M, C>& taps, const T* channel, C slope,
                     C* sums, PointGradient<C>& gradient) {
  constexpr int kTaps = GridTaps<M, C>::kTaps;
  for (int i = 0; i < taps.planes; ++i) {
    for (int j = 0; j < kTaps; ++j) {
      for (int k = 0; k < kTaps; ++k) {
        const C z = taps.z.weights[i], y = taps.y.weights[j], x = taps.x.weights[k];
        const int64_t cell = cell_at(shape, taps, i, j, k);
        const C product = cell < 0 ? C(0) : slope * widen(channel[cell]);
        if (cell >= 0 && sums) atomicAdd(sums + cell, slope * (z * y * x));
        gradient.x += product * z * y * taps.x.slopes[k];
        gradient.y += product * z * taps.y.slopes[j] * x;
        gradient.z += product * taps.z.slopes[i] * y * x;
      }
    }
  }
}

// Output e = (n * C + c) * points + p. Every channel works out the same taps again.
template <Sampling M, typename T>
__global__ void grid_sample_kernel_1(const T* input, const compute_t<T>* grid, GridShape shape,
                                     Padding padding, T* out) {
  using C = compute_t<T>;
  const int64_t points = shape.out_cells();
  const int64_t e = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
  if (e >= shape.images * shape.channels * points) return;
  const int64_t p = e % points, n = e / points / shape.channels;
  const auto taps = taps_at<M, C>(shape, grid + (n * points + p) * shape.axes, padding);
  out[e] = narrow<T>(read(shape, taps, input + e / points * shape.in_cells()));
}

// Gradient e, numbered as above. `sums` and `grad_grid` must be zero before, either may be null.
// Threads of other points add to the same cells, those of other channels to the same point: the
// order of additions, and with it the last bits, changes from run to run.
template <Sampling M, typename T>
__global__ void grid_sample_backward_kernel_1(const T* grad, const T* input,
                                              const compute_t<T>* grid, GridShape shape,
                                              Padding padding, compute_t<T>* sums,
                                              compute_t<T>* grad_grid) {
  using C = compute_t<T>;
  const int64_t points = shape.out_cells();
  const int64_t e = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
  if (e >= shape.images * shape.channels * points) return;
  const int64_t p = e % points, n = e / points / shape.channels;
  const int64_t place = (n * points + p) * shape.axes, plane = e / points * shape.in_cells();
  const auto taps = taps_at<M, C>(shape, grid + place, padding);
  PointGradient<C> gradient{C(0), C(0), C(0)};
  send(shape, taps, input + plane, widen(grad[e]), sums ? sums + plane : nullptr, gradient);
  if (!grad_grid) return;
  atomicAdd(grad_grid + place, gradient.x);
  atomicAdd(grad_grid + place + 1, gradient.y);
  if (shape.axes == 3) atomicAdd(grad_grid + place + 2, gradient.z);
}

// Point q = n * points + p, in every channel, one after the other: its taps stay in registers.
template <Sampling M, typename T>
__global__ void grid_sample_kernel_2(const T* input, const compute_t<T>* grid, GridShape shape,
                                     Padding padding, T* out) {
  using C = compute_t<T>;
  const int64_t points = shape.out_cells(), cells = shape.in_cells();
  const int64_t q = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
  if (q >= shape.images * points) return;
  const int64_t n = q / points, p = q % points;
  const auto taps = taps_at<M, C>(shape, grid + q * shape.axes, padding);
  for (int64_t c = n * shape.channels; c < (n + 1) * shape.channels; ++c) {
    out[c * points + p] = narrow<T>(read(shape, taps, input + c * cells));
  }
}

// Point q, as above. No other thread adds to its gradient: the channels come in their order, the
// same bits every time. The cells of `sums` are still shared by the points that read them.
template <Sampling M, typename T>
__global__ void grid_sample_backward_kernel_2(const T* grad, const T* input,
                                              const compute_t<T>* grid, GridShape shape,
                                              Padding padding, compute_t<T>* sums,
                                              compute_t<T>* grad_grid) {
  using C = compute_t<T>;
  const int64_t points = shape.out_cells(), cells = shape.in_cells();
  const int64_t q = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
  if (q >= shape.images * points) return;
  const int64_t n = q / points, p = q % points;
  const auto taps = taps_at<M, C>(shape, grid + q * shape.axes, padding);
  PointGradient<C> gradient{C(0), C(0), C(0)};
  for (int64_t c = n * shape.channels; c < (n + 1) * shape.channels; ++c) {
    send(shape, taps, input + c * cells, widen(grad[c * points + p]),
         sums ? sums + c * cells : nullptr, gradient);
  }
  if (!grad_grid) return;
  grad_grid[q * shape.axes] = gradient.x;
  grad_grid[q * shape.axes + 1] = gradient.y;
  if (shape.axes == 3) grad_grid[q * shape.axes + 2] = gradient.z;
}

}  // namespace edudet::cuda

// 64 output points at a time: first their taps, once, then channel after channel. Reading is the
// product with a sparse matrix, a row of which are the taps of a point; its gradient is the product
// with the transpose. So three loops serve all modes and numbers of axes, by the number of taps.
#include "../grid_sample.h"

#include <algorithm>
#include <type_traits>
#include <vector>

namespace edudet::cpu {
namespace {

constexpr int kPoints = 64;

template <typename C>
using Lane = C[kPoints];  // one number for each of the points

// The taps of 64 points. If there are fewer, the rest read the middle of the input, for nothing.
template <typename C>
struct Taps {
  int num_axis_taps, num_taps;
  Lane<int32_t> axis_cells[kMostAxes][kMostAxisTaps];
  Lane<C> axis_weights[kMostAxes][kMostAxisTaps], axis_slopes[kMostAxes][kMostAxisTaps];
  Lane<int32_t> cells[kMostTaps];  // in the plane or volume; 0 if outside
  Lane<int32_t> inside[kMostTaps];
  Lane<C> weights[kMostTaps];
};

template <Sampling M, Padding P, typename C>
EDUDET_CLONES void find_axis_taps(const GridAxis<C> axis, const Lane<C>& coordinates,
                                  Lane<int32_t>* __restrict cells, Lane<C>* __restrict weights,
                                  Lane<C>* __restrict slopes) {
  for (int p = 0; p < kPoints; ++p) {
    const GridTaps<M, C> taps = grid_taps<M, P>(axis, coordinates[p]);
    for (int k = 0; k < axis_taps_of(M); ++k) {
      cells[k][p] = taps.cells[k], weights[k][p] = taps.weights[k], slopes[k][p] = taps.slopes[k];
    }
  }
}

// Appends an axis: the taps so far times its own. In place, from the last, whose source is first.
template <typename C>
EDUDET_CLONES void multiply_taps(int axis_taps, int32_t count, int num_taps,
                                 const Lane<int32_t>* axis_cells, const Lane<C>* axis_weights,
                                 Lane<int32_t>* cells, Lane<C>* weights) {
  for (int t = num_taps - 1; t >= 0; --t) {
    for (int k = axis_taps - 1; k >= 0; --k) {
      for (int p = 0; p < kPoints; ++p) {
        const int32_t before = cells[t][p], along = axis_cells[k][p];
        cells[t * axis_taps + k][p] = (before | along) < 0 ? -1 : before * count + along;
        weights[t * axis_taps + k][p] = weights[t][p] * axis_weights[k][p];
      }
    }
  }
}

EDUDET_CLONES void mark_inside(int num_taps, Lane<int32_t>* cells, Lane<int32_t>* inside) {
  for (int t = 0; t < num_taps; ++t) {
    for (int p = 0; p < kPoints; ++p) {
      inside[t][p] = cells[t][p] >= 0;
      cells[t][p] = cells[t][p] < 0 ? 0 : cells[t][p];
    }
  }
}

template <typename C, Sampling M>
auto choose_padding(Padding padding) {
  return padding == Padding::zeros    ? find_axis_taps<M, Padding::zeros, C>
         : padding == Padding::border ? find_axis_taps<M, Padding::border, C>
                                      : find_axis_taps<M, Padding::reflection, C>;
}

template <typename C>
auto choose_axis_taps(Sampling mode, Padding padding) {
  return mode == Sampling::nearest    ? choose_padding<C, Sampling::nearest>(padding)
         : mode == Sampling::bilinear ? choose_padding<C, Sampling::bilinear>(padding)
                                      : choose_padding<C, Sampling::bicubic>(padding);
}

// Of `size` points from `points` on.
template <typename C>
void find_taps(const C* points, int64_t size, const GridShape& shape, Sampling mode,
               Padding padding, Taps<C>& taps) {
  const auto find = choose_axis_taps<C>(mode, padding);
  taps.num_axis_taps = axis_taps_of(mode), taps.num_taps = taps_of(mode, shape.axes);
  for (int a = 0; a < shape.axes; ++a) {
    Lane<C> coordinates;
    for (int p = 0; p < kPoints; ++p) coordinates[p] = p < size ? points[p * shape.axes + a] : C(0);
    find(shape.axis<C>(a), coordinates, taps.axis_cells[a], taps.axis_weights[a],
         taps.axis_slopes[a]);
  }
  const int first = shape.axes - 1;  // z or y
  std::copy_n(taps.axis_cells[first][0], taps.num_axis_taps * kPoints, taps.cells[0]);
  std::copy_n(taps.axis_weights[first][0], taps.num_axis_taps * kPoints, taps.weights[0]);
  int num_taps = taps.num_axis_taps;
  for (int a = first - 1; a >= 0; --a, num_taps *= taps.num_axis_taps) {
    multiply_taps<C>(taps.num_axis_taps, int32_t(shape.in[kMostAxes - 1 - a]), num_taps,
                     taps.axis_cells[a], taps.axis_weights[a], taps.cells, taps.weights);
  }
  mark_inside(num_taps, taps.cells, taps.inside);
}

// Number by number: the compiler's gather instructions are no faster, and it does not trust them.
template <typename T, typename C>
inline void gather(const T* plane, const Lane<int32_t>& cells, Lane<C>& values) {
  for (int p = 0; p < kPoints; ++p) values[p] = widen(plane[cells[p]]);
}

// sums[p] = sum of weight * value over the taps of point p.
template <int N, typename T, typename C>
EDUDET_CLONES void read(const Taps<C>& taps, const T* plane, Lane<C>& sums) {
  Lane<C> values[N];
  for (int t = 0; t < N; ++t) gather(plane, taps.cells[t], values[t]);
  for (int p = 0; p < kPoints; ++p) {
    C sum = taps.weights[0][p] * (taps.inside[0][p] ? values[0][p] : C(0));
    for (int t = 1; t < N; ++t) {
      sum += taps.weights[t][p] * (taps.inside[t][p] ? values[t][p] : C(0));
    }
    sums[p] = sum;
  }
}

// The transpose of `read`: adds grad[p] * weight to the cells of point p.
template <int N, typename C>
EDUDET_CLONES void spread(const Taps<C>& taps, const Lane<C>& grad, int64_t size, C* plane) {
  for (int t = 0; t < N; ++t) {
    Lane<C> shares;
    for (int p = 0; p < kPoints; ++p) {
      shares[p] = taps.inside[t][p] ? grad[p] * taps.weights[t][p] : C(0);
    }
    for (int64_t p = 0; p < size; ++p) plane[taps.cells[t][p]] += shares[p];
  }
}

// The gradient of the weights: products[t][p] += grad[p] * value.
template <int N, typename T, typename C>
EDUDET_CLONES void multiply(const Taps<C>& taps, const T* plane, const Lane<C>& grad,
                            Lane<C>* __restrict products) {
  for (int t = 0; t < N; ++t) {
    Lane<C> values;
    gather(plane, taps.cells[t], values);
    for (int p = 0; p < kPoints; ++p) {
      products[t][p] += grad[p] * (taps.inside[t][p] ? values[p] : C(0));
    }
  }
}

// From the gradient of the weights to that of the points, by the product rule.
template <typename C>
EDUDET_CLONES void combine(const Taps<C>& taps, int axes, const Lane<C>* products, Lane<C>* grads) {
  for (int a = 0; a < axes; ++a) {
    for (int p = 0; p < kPoints; ++p) grads[a][p] = C(0);
    for (int t = 0; t < taps.num_taps; ++t) {
      // t counts through the taps of all axes, x fastest.
      Lane<C> slope;
      for (int p = 0; p < kPoints; ++p) slope[p] = products[t][p];
      for (int b = 0, rest = t; b < axes; ++b, rest /= taps.num_axis_taps) {
        const int k = rest % taps.num_axis_taps;
        const C* factor = b == a ? taps.axis_slopes[b][k] : taps.axis_weights[b][k];
        for (int p = 0; p < kPoints; ++p) slope[p] *= factor[p];
      }
      for (int p = 0; p < kPoints; ++p) grads[a][p] += slope[p];
    }
  }
}

template <typename T, typename C>
EDUDET_CLONES void load(const T* from, int64_t size, Lane<C>& to) {
  for (int p = 0; p < kPoints; ++p) to[p] = p < size ? widen(from[p]) : C(0);
}

template <typename T, typename C>
EDUDET_CLONES void store(const Lane<C>& from, int64_t size, T* to) {
  for (int64_t p = 0; p < size; ++p) to[p] = narrow<T>(from[p]);
}

// Calls visit with the number of taps as a constant.
template <typename Visit>
void with_taps(int num_taps, Visit&& visit) {
  if (num_taps == 1) return visit(std::integral_constant<int, 1>{});
  if (num_taps == 4) return visit(std::integral_constant<int, 4>{});
  if (num_taps == 8) return visit(std::integral_constant<int, 8>{});
  visit(std::integral_constant<int, 16>{});
}

int64_t up(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t group_size(const GridShape& shape) {  // channels of a task
  return std::clamp<int64_t>(up(shape.images * shape.channels, 16), 1, 16);
}

}  // namespace

int64_t grid_sample_tasks(const GridShape& shape) {
  return shape.images * up(shape.out_cells(), kPoints);
}

template <typename T>
void grid_sample(const T* input, const compute_t<T>* grid, const GridShape& shape, Sampling mode,
                 Padding padding, T* out, int64_t begin, int64_t end) {
  using C = compute_t<T>;
  const int64_t points = shape.out_cells(), cells = shape.in_cells();
  const int64_t tasks = up(points, kPoints);
  Taps<C> taps;
  with_taps(taps_of(mode, shape.axes), [&](auto num_taps) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t n = task / tasks, first = task % tasks * kPoints;
      const int64_t size = std::min<int64_t>(kPoints, points - first);
      find_taps(grid + (n * points + first) * shape.axes, size, shape, mode, padding, taps);
      for (int64_t c = n * shape.channels; c < (n + 1) * shape.channels; ++c) {
        Lane<C> sums;
        read<num_taps>(taps, input + c * cells, sums);
        store(sums, size, out + c * points + first);
      }
    }
  });
}

int64_t grid_sample_backward_input_tasks(const GridShape& shape) {
  return shape.images * up(shape.channels, group_size(shape));
}

template <typename T>
void grid_sample_backward_input(const T* grad, const compute_t<T>* grid, const GridShape& shape,
                                Sampling mode, Padding padding, T* grad_input, int64_t begin,
                                int64_t end) {
  using C = compute_t<T>;
  constexpr bool kWide = std::is_same_v<T, C>;  // 16-bit numbers cannot hold the sums
  const int64_t points = shape.out_cells(), cells = shape.in_cells();
  const int64_t step = group_size(shape), groups = up(shape.channels, step);
  std::vector<C> scratch(kWide ? 0 : step * cells);
  Taps<C> taps;
  with_taps(taps_of(mode, shape.axes), [&](auto num_taps) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t n = task / groups, low = task % groups * step;
      const int64_t num_channels = std::min(step, shape.channels - low);
      T* const target = grad_input + (n * shape.channels + low) * cells;
      const T* const source = grad + (n * shape.channels + low) * points;
      C* sums = scratch.data();
      if constexpr (kWide) sums = target;
      std::fill_n(sums, num_channels * cells, C(0));
      for (int64_t first = 0; first < points; first += kPoints) {
        const int64_t size = std::min<int64_t>(kPoints, points - first);
        find_taps(grid + (n * points + first) * shape.axes, size, shape, mode, padding, taps);
        for (int64_t c = 0; c < num_channels; ++c) {
          Lane<C> slopes;
          load(source + c * points + first, size, slopes);
          spread<num_taps>(taps, slopes, size, sums + c * cells);
        }
      }
      if constexpr (!kWide) {
        for (int64_t i = 0; i < num_channels * cells; ++i) target[i] = narrow<T>(sums[i]);
      }
    }
  });
}

template <typename T>
void grid_sample_backward_grid(const T* grad, const T* input, const compute_t<T>* grid,
                               const GridShape& shape, Sampling mode, Padding padding,
                               compute_t<T>* grad_grid, int64_t begin, int64_t end) {
  using C = compute_t<T>;
  const int64_t points = shape.out_cells(), cells = shape.in_cells();
  const int64_t tasks = up(points, kPoints);
  Taps<C> taps;
  with_taps(taps_of(mode, shape.axes), [&](auto num_taps) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t n = task / tasks, first = task % tasks * kPoints;
      const int64_t size = std::min<int64_t>(kPoints, points - first);
      const int64_t place = (n * points + first) * shape.axes;
      find_taps(grid + place, size, shape, mode, padding, taps);
      Lane<C> products[num_taps] = {}, grads[kMostAxes];
      for (int64_t c = n * shape.channels; c < (n + 1) * shape.channels; ++c) {
        Lane<C> slopes;
        load(grad + c * points + first, size, slopes);
        multiply<num_taps>(taps, input + c * cells, slopes, products);
      }
      combine(taps, shape.axes, products, grads);
      for (int a = 0; a < shape.axes; ++a) {
        for (int64_t p = 0; p < size; ++p) grad_grid[place + p * shape.axes + a] = grads[a][p];
      }
    }
  });
}

#define INSTANTIATE(T)                                                                          \
  template void grid_sample(const T*, const compute_t<T>*, const GridShape&, Sampling, Padding, \
                            T*, int64_t, int64_t);                                              \
  template void grid_sample_backward_input(const T*, const compute_t<T>*, const GridShape&,     \
                                           Sampling, Padding, T*, int64_t, int64_t);            \
  template void grid_sample_backward_grid(const T*, const T*, const compute_t<T>*,              \
                                          const GridShape&, Sampling, Padding, compute_t<T>*,   \
                                          int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(Half)
INSTANTIATE(BFloat16)

}  // namespace edudet::cpu

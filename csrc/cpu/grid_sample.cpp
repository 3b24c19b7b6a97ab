// 64 output points at a time: first their taps, once, then channel after channel. Reading is the
// product with a sparse matrix, a row of which are the taps of a point; its gradient is the product
// with the transpose. So three loops serve all modes and numbers of axes, by the number of taps.
#include "../grid_sample.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <vector>

namespace edudet::cpu {
namespace {

constexpr int kPoints = 64;

template <typename C>
using Lane = C[kPoints];  // one number for each of the points

template <typename C>
struct Tap {
  Lane<int32_t> cells, inside;  // where a point is outside, the cell is any; its value counts as 0
  Lane<C> weights;
};

// The taps of 64 points. If there are fewer, the rest read the middle of the input, for nothing.
template <typename C>
struct Taps {
  int num_axis_taps, num_taps;
  Tap<C> of_axis[kMostAxes][kMostAxisTaps];
  Lane<C> slopes[kMostAxes][kMostAxisTaps];
  Tap<C> taps[kMostTaps];  // x fastest
  // If this is true, tap 2t + 1 is the cell after tap 2t, and one load brings both.
  static bool in_pairs(Sampling mode, const GridShape& shape) {
    return mode == Sampling::bilinear && shape.in[kMostAxes - 1] > 1;
  }
};

// Coordinate a of each point.
template <int Axes, typename C>
EDUDET_CLONES void split(const C* points, int a, Lane<C>& coordinates) {
  for (int p = 0; p < kPoints; ++p) coordinates[p] = points[p * Axes + a];
}

template <Sampling M, Padding P, typename C>
EDUDET_CLONES void find_axis_taps(const GridAxis<C> axis, const Lane<C>& coordinates,
                                  Tap<C>* __restrict taps, Lane<C>* __restrict slopes) {
  for (int p = 0; p < kPoints; ++p) {
    const GridTaps<M, C> found = grid_taps<M, P>(axis, coordinates[p]);
    for (int k = 0; k < axis_taps_of(M); ++k) {
      taps[k].inside[p] = found.cells[k] >= 0;
      taps[k].cells[p] = found.cells[k] < 0 ? 0 : found.cells[k];
      taps[k].weights[p] = found.weights[k], slopes[k][p] = found.slopes[k];
    }
  }
}

// Makes neighbours of the two taps of a row of `count` cells, two at least, also where one of them
// is outside: the other stays, or changes place with it.
template <typename C>
EDUDET_CLONES void pair_up(int32_t count, Tap<C>& low, Tap<C>& high, Lane<C>& low_slopes,
                           Lane<C>& high_slopes) {
  for (int p = 0; p < kPoints; ++p) {
    const int32_t in_low = low.inside[p], in_high = high.inside[p], cell = low.cells[p];
    const C weight = low.weights[p], next_weight = high.weights[p];
    const C slope = low_slopes[p], next_slope = high_slopes[p];
    const bool before = in_high > in_low, after = in_low && cell == count - 1, swap = before | after;
    low.cells[p] = after ? count - 2 : cell, high.cells[p] = after ? count - 1 : cell + 1;
    low.inside[p] = swap ? in_high : in_low, high.inside[p] = swap ? in_low : in_high;
    low.weights[p] = swap ? next_weight : weight, high.weights[p] = swap ? weight : next_weight;
    low_slopes[p] = swap ? next_slope : slope, high_slopes[p] = swap ? slope : next_slope;
  }
}

// Every tap of the outer axes with every tap of the next one, of `count` cells.
template <typename C>
EDUDET_CLONES void multiply_taps(const Tap<C>* outer, int num_outer, const Tap<C>* axis,
                                 int num_axis, int32_t count, Tap<C>* __restrict taps) {
  for (int i = 0; i < num_outer; ++i) {
    for (int k = 0; k < num_axis; ++k, ++taps) {
      for (int p = 0; p < kPoints; ++p) {
        taps->cells[p] = outer[i].cells[p] * count + axis[k].cells[p];
        taps->inside[p] = outer[i].inside[p] & axis[k].inside[p];
        taps->weights[p] = outer[i].weights[p] * axis[k].weights[p];
      }
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
               Padding padding, Taps<C>& all) {
  C padded[kPoints * kMostAxes];
  if (size < kPoints) {
    std::fill(std::copy_n(points, size * shape.axes, padded), std::end(padded), C(0));
    points = padded;
  }
  const auto find = choose_axis_taps<C>(mode, padding);
  const auto split_points = shape.axes == 3 ? split<3, C> : split<2, C>;
  for (int a = 0; a < shape.axes; ++a) {
    Lane<C> coordinates;
    split_points(points, a, coordinates);
    find(shape.axis<C>(a), coordinates, all.of_axis[a], all.slopes[a]);
  }
  const int n = all.num_axis_taps = axis_taps_of(mode);
  const int32_t width = int32_t(shape.in[2]), height = int32_t(shape.in[1]);
  all.num_taps = taps_of(mode, shape.axes);
  Tap<C>(&x)[kMostAxisTaps] = all.of_axis[0], (&y)[kMostAxisTaps] = all.of_axis[1];
  if (Taps<C>::in_pairs(mode, shape)) pair_up<C>(width, x[0], x[1], all.slopes[0][0], all.slopes[0][1]);
  if (shape.axes == 2) return multiply_taps<C>(y, n, x, n, width, all.taps);
  Tap<C> of_plane[kMostAxisTaps];  // nearest or bilinear: four at most
  multiply_taps<C>(all.of_axis[2], n, y, n, height, of_plane);
  multiply_taps<C>(of_plane, n * n, x, n, width, all.taps);
}

// The numbers at N taps of 64 points. One by one: gcc's gathers out of vector inserts are slower.
template <int N, bool Pairs, typename T>
struct Gathered {
  T numbers[N * kPoints];

  T at(int t, int p) const {
    return numbers[Pairs ? (t / 2 * kPoints + p) * 2 + t % 2 : t * kPoints + p];
  }
  template <typename C>
  void fill(const Tap<C>* taps, const T* plane) {
    constexpr int kStep = Pairs ? 2 : 1;
    for (int t = 0; t < N / kStep; ++t) {
      for (int p = 0; p < kPoints; ++p) {
        memcpy(numbers + (t * kPoints + p) * kStep, plane + taps[t * kStep].cells[p],
               kStep * sizeof(T));
        asm volatile("");  // else gcc makes vectors of them
      }
    }
  }
};

// sums[p] = sum of weight * value over the taps of point p.
template <int N, bool Pairs, typename T, typename C>
EDUDET_CLONES void read(const Tap<C>* taps, const T* plane, Lane<C>& sums) {
  Gathered<N, Pairs, T> gathered;
  gathered.fill(taps, plane);
  for (int p = 0; p < kPoints; ++p) {
    C sum = C(0);
    for (int t = 0; t < N; ++t) {
      sum += taps[t].weights[p] * (taps[t].inside[p] ? widen(gathered.at(t, p)) : C(0));
    }
    sums[p] = sum;
  }
}

// The transpose of `read`: adds grad[p] * weight to the cells of point p.
template <int N, typename C>
EDUDET_CLONES void spread(const Tap<C>* taps, const Lane<C>& grad, int64_t size, C* plane) {
  for (int t = 0; t < N; ++t) {
    Lane<C> shares;
    for (int p = 0; p < kPoints; ++p) {
      shares[p] = taps[t].inside[p] ? grad[p] * taps[t].weights[p] : C(0);
    }
    for (int64_t p = 0; p < size; ++p) plane[taps[t].cells[p]] += shares[p];
  }
}

// The gradient of the weights: products[t][p] += grad[p] * value.
template <int N, bool Pairs, typename T, typename C>
EDUDET_CLONES void multiply(const Tap<C>* taps, const T* plane, const Lane<C>& grad,
                            Lane<C>* __restrict products) {
  Gathered<N, Pairs, T> gathered;
  gathered.fill(taps, plane);
  for (int t = 0; t < N; ++t) {
    for (int p = 0; p < kPoints; ++p) {
      products[t][p] += grad[p] * (taps[t].inside[p] ? widen(gathered.at(t, p)) : C(0));
    }
  }
}

// From the gradient of the weights to that of the points, by the product rule.
template <typename C>
EDUDET_CLONES void combine(const Taps<C>& all, int axes, const Lane<C>* products, Lane<C>* grads) {
  for (int a = 0; a < axes; ++a) {
    for (int p = 0; p < kPoints; ++p) grads[a][p] = C(0);
    for (int t = 0; t < all.num_taps; ++t) {
      Lane<C> slope;
      for (int p = 0; p < kPoints; ++p) slope[p] = products[t][p];
      for (int b = 0, rest = t; b < axes; ++b, rest /= all.num_axis_taps) {
        const int k = rest % all.num_axis_taps;
        const C* factor = b == a ? all.slopes[b][k] : all.of_axis[b][k].weights;
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

// Calls visit with the number of taps, and whether they come in pairs, as constants.
template <typename Visit>
void with_taps(Sampling mode, const GridShape& shape, Visit&& visit) {
  const int num_taps = taps_of(mode, shape.axes);
  const bool pairs = Taps<float>::in_pairs(mode, shape);
  const auto number = [&](auto n) {
    if (pairs && n >= 4) return visit(n, std::bool_constant<(n >= 4)>{});
    visit(n, std::false_type{});
  };
  if (num_taps == 1) return number(std::integral_constant<int, 1>{});
  if (num_taps == 4) return number(std::integral_constant<int, 4>{});
  if (num_taps == 8) return number(std::integral_constant<int, 8>{});
  number(std::integral_constant<int, 16>{});
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
  with_taps(mode, shape, [&](auto num_taps, auto pairs) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t n = task / tasks, first = task % tasks * kPoints;
      const int64_t size = std::min<int64_t>(kPoints, points - first);
      find_taps(grid + (n * points + first) * shape.axes, size, shape, mode, padding, taps);
      for (int64_t c = n * shape.channels; c < (n + 1) * shape.channels; ++c) {
        Lane<C> sums;
        read<num_taps, pairs>(taps.taps, input + c * cells, sums);
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
  with_taps(mode, shape, [&](auto num_taps, auto) {
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
          spread<num_taps>(taps.taps, slopes, size, sums + c * cells);
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
  with_taps(mode, shape, [&](auto num_taps, auto pairs) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t n = task / tasks, first = task % tasks * kPoints;
      const int64_t size = std::min<int64_t>(kPoints, points - first);
      const int64_t place = (n * points + first) * shape.axes;
      find_taps(grid + place, size, shape, mode, padding, taps);
      Lane<C> products[num_taps] = {}, grads[kMostAxes];
      for (int64_t c = n * shape.channels; c < (n + 1) * shape.channels; ++c) {
        Lane<C> slopes;
        load(grad + c * points + first, size, slopes);
        multiply<num_taps, pairs>(taps.taps, input + c * cells, slopes, products);
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

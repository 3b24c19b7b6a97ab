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
  Lane<int32_t> cells, inside;  // inside: 0 or -1; where it is 0, the cell is any and counts as 0
  Lane<C> weights;
};

// What is read: the cells of an axis, which of them are inside, their weights and slopes.
template <Sampling M, typename C>
struct AxisTaps {
  static constexpr int kTaps = axis_taps_of(M);
  int32_t cells[kTaps], inside[kTaps];
  C weights[kTaps], slopes[kTaps];
};

// With Pairs, the two cells are neighbours also where one of them is outside: the other stays, or
// changes place with it. Then one load brings both. The axis must have two cells at least.
template <Sampling M, Padding P, bool Pairs, typename C>
inline AxisTaps<M, C> axis_taps(const GridAxis<C>& axis, C coordinate) {
  const GridTaps<M, C> found = grid_taps<M, P>(axis, coordinate);
  AxisTaps<M, C> taps;
  for (int k = 0; k < taps.kTaps; ++k) {
    const int32_t outside = found.cells[k] >> 31;  // all ones, for -1; gcc prefers bits to bools
    taps.inside[k] = ~outside, taps.cells[k] = found.cells[k] & ~outside;
    taps.weights[k] = found.weights[k], taps.slopes[k] = found.slopes[k];
  }
  if constexpr (Pairs) {
    const int32_t last = int32_t(axis.last);
    const int32_t before = found.cells[1] == 0, after = found.cells[0] == last;
    const int32_t swap = before + after;
    const AxisTaps<M, C> old = taps;
    taps.cells[0] = after ? last - 1 : old.cells[0], taps.cells[1] = taps.cells[0] + 1;
    for (int k = 0; k < 2; ++k) {
      taps.inside[k] = swap ? old.inside[1 - k] : old.inside[k];
      taps.weights[k] = swap ? old.weights[1 - k] : old.weights[k];
      taps.slopes[k] = swap ? old.slopes[1 - k] : old.slopes[k];
    }
  }
  return taps;
}

// 64 points and the axes that they refer to.
template <typename C>
struct Points {
  const C* points;
  GridAxis<C> x, y, z;
  int32_t height, width;
};

template <Sampling M, typename C>
struct PointTaps {
  AxisTaps<M, C> x, y, z;
};

// Of point p; those of z for images: cell 0, weight 1.
template <Sampling M, Padding P, int Axes, bool Pairs, typename C>
inline PointTaps<M, C> taps_at(const Points<C>& at, int p) {
  const C* point = at.points + p * Axes;
  PointTaps<M, C> taps{axis_taps<M, P, Pairs>(at.x, point[0]),
                       axis_taps<M, P, false>(at.y, point[1]),
                       {{0}, {-1}, {C(1)}, {C(0)}}};
  if constexpr (Axes == 3) taps.z = axis_taps<M, P, false>(at.z, point[2]);
  return taps;
}

// The taps of every point, x fastest.
template <Sampling M, Padding P, int Axes, bool Pairs, typename C>
EDUDET_CLONES void find_taps(const Points<C> at, Tap<C>* __restrict taps) {
  constexpr int kTaps = axis_taps_of(M), kPlanes = Axes == 3 ? kTaps : 1;
  for (int p = 0; p < kPoints; ++p) {
    const auto [x, y, z] = taps_at<M, P, Axes, Pairs>(at, p);
    for (int i = 0; i < kPlanes; ++i) {
      for (int j = 0; j < kTaps; ++j) {
        const int32_t row = (z.cells[i] * at.height + y.cells[j]) * at.width;
        const int32_t inside = z.inside[i] & y.inside[j];
        const C weight = Axes == 3 ? z.weights[i] * y.weights[j] : y.weights[j];
        for (int k = 0; k < kTaps; ++k) {
          Tap<C>& tap = taps[(i * kTaps + j) * kTaps + k];
          tap.cells[p] = row + x.cells[k];
          tap.inside[p] = inside & x.inside[k];
          tap.weights[p] = weight * x.weights[k];
        }
      }
    }
  }
}

// From the gradients of the weights to that of the points, by the product rule.
template <Sampling M, Padding P, int Axes, bool Pairs, typename C>
EDUDET_CLONES void gather_slopes(const Points<C> at, const Lane<C>* __restrict products,
                                 C* __restrict grads) {
  constexpr int kTaps = axis_taps_of(M), kPlanes = Axes == 3 ? kTaps : 1;
  for (int p = 0; p < kPoints; ++p) {
    const auto [x, y, z] = taps_at<M, P, Axes, Pairs>(at, p);
    C to_x = C(0), to_y = C(0), to_z = C(0);
    for (int i = 0; i < kPlanes; ++i) {
      for (int j = 0; j < kTaps; ++j) {
        C along = C(0), across = C(0);  // of this row: by x, and in all
        for (int k = 0; k < kTaps; ++k) {
          const C product = products[(i * kTaps + j) * kTaps + k][p];
          along += product * x.slopes[k], across += product * x.weights[k];
        }
        to_x += along * (z.weights[i] * y.weights[j]);
        to_y += across * (z.weights[i] * y.slopes[j]);
        to_z += across * (z.slopes[i] * y.weights[j]);
      }
    }
    grads[p * Axes] = to_x, grads[p * Axes + 1] = to_y;
    if constexpr (Axes == 3) grads[p * Axes + 2] = to_z;
  }
}

// How points are read, by all that the compiler knows.
template <typename C>
struct Way {
  void (*find_taps)(const Points<C>, Tap<C>*);
  void (*gather_slopes)(const Points<C>, const Lane<C>*, C*);
};

template <typename C, Sampling M, Padding P>
Way<C> choose_axes(int axes, bool pairs) {
  constexpr bool kPairs = M == Sampling::bilinear;
  const Way<C> of_images[] = {{find_taps<M, P, 2, false, C>, gather_slopes<M, P, 2, false, C>},
                              {find_taps<M, P, 2, kPairs, C>, gather_slopes<M, P, 2, kPairs, C>}};
  if constexpr (M != Sampling::bicubic) {
    const Way<C> of_volumes[] = {
        {find_taps<M, P, 3, false, C>, gather_slopes<M, P, 3, false, C>},
        {find_taps<M, P, 3, kPairs, C>, gather_slopes<M, P, 3, kPairs, C>}};
    if (axes == 3) return of_volumes[pairs];
  }
  return of_images[pairs];
}

template <typename C, Sampling M>
Way<C> choose_padding(Padding padding, int axes, bool pairs) {
  return padding == Padding::zeros    ? choose_axes<C, M, Padding::zeros>(axes, pairs)
         : padding == Padding::border ? choose_axes<C, M, Padding::border>(axes, pairs)
                                      : choose_axes<C, M, Padding::reflection>(axes, pairs);
}

template <typename C>
Way<C> choose_way(const GridShape& shape, Sampling mode, Padding padding, bool pairs) {
  const auto choose = mode == Sampling::nearest    ? choose_padding<C, Sampling::nearest>
                      : mode == Sampling::bilinear ? choose_padding<C, Sampling::bilinear>
                                                   : choose_padding<C, Sampling::bicubic>;
  return choose(padding, shape.axes, pairs);
}

// The points that one image's output reads, 64 at a time; the last ones are made up to 64 by points
// in the middle of the input, whose results nobody sees.
template <typename C>
struct Walk {
  Walk(const GridShape& grid_shape, Sampling mode, Padding padding, bool pairs)
      : shape(grid_shape),
        way(choose_way<C>(shape, mode, padding, pairs)),
        at{nullptr,          shape.axis<C>(0),     shape.axis<C>(1),
           shape.axis<C>(2), int32_t(shape.in[1]), int32_t(shape.in[2])} {}
  // Of `number` points from `points` on.
  void go_to(const C* points, int64_t number) {
    at.points = points;
    if (number < kPoints) {
      std::fill(std::copy_n(points, number * shape.axes, padded), std::end(padded), C(0));
      at.points = padded;
    }
    way.find_taps(at, taps);
  }

  const GridShape shape;
  const Way<C> way;
  Points<C> at;
  C padded[kPoints * kMostAxes];
  Tap<C> taps[kMostTaps];
};

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
#pragma GCC unroll 8
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
EDUDET_CLONES void read(const Tap<C>* __restrict taps, const T* plane, C* __restrict sums) {
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
EDUDET_CLONES void spread(const Tap<C>* taps, const C* grad, int64_t size, C* plane) {
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
EDUDET_CLONES void multiply(const Tap<C>* __restrict taps, const T* plane, const C* __restrict grad,
                            Lane<C>* __restrict products) {
  Gathered<N, Pairs, T> gathered;
  gathered.fill(taps, plane);
  for (int p = 0; p < kPoints; ++p) {
    for (int t = 0; t < N; ++t) {
      products[t][p] += grad[p] * (taps[t].inside[p] ? widen(gathered.at(t, p)) : C(0));
    }
  }
}

template <typename T, typename C>
EDUDET_CLONES void widen_all(const T* from, int64_t size, C* to) {
  for (int p = 0; p < kPoints; ++p) to[p] = p < size ? widen(from[p]) : C(0);
}

// The numbers of 64 points: where they lie, if that many do and need no widening; else a copy.
template <typename T, typename C>
const C* as_lane(const T* from, int64_t size, Lane<C>& copy) {
  if constexpr (std::is_same_v<T, C>) {
    if (size == kPoints) return from;
  }
  widen_all(from, size, copy);
  return copy;
}

template <typename T, typename C>
EDUDET_CLONES void narrow_all(const C* from, int64_t size, T* to) {
  for (int64_t p = 0; p < size; ++p) to[p] = narrow<T>(from[p]);
}

// Calls visit with the number of taps, and whether they come in pairs, as constants.
template <typename Visit>
void with_taps(Sampling mode, const GridShape& shape, Visit&& visit) {
  const int num_taps = taps_of(mode, shape.axes);
  const bool pairs = mode == Sampling::bilinear && shape.in[kMostAxes - 1] > 1;
  const auto number = [&](auto n) {
    if (pairs) return visit(n, std::bool_constant<(n == 4 || n == 8)>{});
    visit(n, std::false_type{});
  };
  if (num_taps == 1) return number(std::integral_constant<int, 1>{});
  if (num_taps == 4) return number(std::integral_constant<int, 4>{});
  if (num_taps == 8) return number(std::integral_constant<int, 8>{});
  number(std::integral_constant<int, 16>{});
}

int64_t up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Channels of a task that sends gradients to the input: all points of one image may add to a cell,
// so that one task takes them all, in order; the fewer channels, the more threads find work.
int64_t group_size(const GridShape& shape) {
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
  with_taps(mode, shape, [&](auto num_taps, auto pairs) {
    Walk<C> walk(shape, mode, padding, pairs);
    for (int64_t task = begin; task < end; ++task) {
      const int64_t n = task / tasks, first = task % tasks * kPoints;
      const int64_t size = std::min<int64_t>(kPoints, points - first);
      walk.go_to(grid + (n * points + first) * shape.axes, size);
      for (int64_t c = n * shape.channels; c < (n + 1) * shape.channels; ++c) {
        T* const to = out + c * points + first;
        if constexpr (std::is_same_v<T, C>) {
          if (size == kPoints) {
            read<num_taps, pairs>(walk.taps, input + c * cells, to);
            continue;
          }
        }
        Lane<C> sums;
        read<num_taps, pairs>(walk.taps, input + c * cells, sums);
        narrow_all(sums, size, to);
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
  with_taps(mode, shape, [&](auto num_taps, auto pairs) {
    Walk<C> walk(shape, mode, padding, pairs);
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
        walk.go_to(grid + (n * points + first) * shape.axes, size);
        for (int64_t c = 0; c < num_channels; ++c) {
          Lane<C> copy;
          const C* slopes = as_lane(source + c * points + first, size, copy);
          spread<num_taps>(walk.taps, slopes, size, sums + c * cells);
        }
      }
      if constexpr (!kWide) {
        narrow_all(sums, num_channels * cells, target);
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
  with_taps(mode, shape, [&](auto num_taps, auto pairs) {
    Walk<C> walk(shape, mode, padding, pairs);
    for (int64_t task = begin; task < end; ++task) {
      const int64_t n = task / tasks, first = task % tasks * kPoints;
      const int64_t size = std::min<int64_t>(kPoints, points - first);
      const int64_t place = (n * points + first) * shape.axes;
      if (mode == Sampling::nearest) {
        std::fill_n(grad_grid + place, size * shape.axes, C(0));
        continue;
      }
      walk.go_to(grid + place, size);
      Lane<C> products[num_taps] = {};
      for (int64_t c = n * shape.channels; c < (n + 1) * shape.channels; ++c) {
        Lane<C> copy;
        const C* slopes = as_lane(grad + c * points + first, size, copy);
        multiply<num_taps, pairs>(walk.taps, input + c * cells, slopes, products);
      }
      C grads[kPoints * kMostAxes];
      walk.way.gather_slopes(walk.at, products, grads);
      std::copy_n(grads, size * shape.axes, grad_grid + place);
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

// A map is read once, in blocks that fit into the innermost cache, with the largest value so far
// kept: where a block brings a larger one, the sums of the blocks before it are scaled down (online
// softmax; Milakov and Gimelshein, 2018). Sums run in kLanes parts, which fill vector registers and
// whose order of addition is the same on every processor.
#include "../soft_argmax.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "../common/exp.h"

namespace edudet::cpu {
namespace {

constexpr int64_t kLanes = 16, kBlockCells = 2048;
template <typename C>
constexpr C kInfinity = std::numeric_limits<C>::infinity();

// exp(beta * (value - top)), where `top` is the largest value; `beta` is finite if `top` is not.
template <typename C>
inline C weight_of(C value, C top, C beta) {
  const C below = value == top             ? C(0)
                  : value == -kInfinity<C> ? -kInfinity<C>
                                           : beta * (value - top);
  return exp_of_nonpositive(below);
}

// Among infinite values no beta makes a difference, but 0 times infinity would be NaN.
template <typename C>
C beta_under(C top, double beta) {
  return std::isinf(top) ? C(1) : C(beta);
}

// Rows of a map, or a part of one row, in memory of the block's own: rows are `pitch` apart.
template <typename C>
struct Block {
  int64_t rows, width, pitch;
  C* cells;
};

// Copies and widens; returns the largest value (a NaN is not larger than anything).
template <typename T, typename C>
EDUDET_CLONES C load(const T* from, int64_t width_of_map, const Block<C> block) {
  for (int64_t y = 0; y < block.rows; ++y) {
    C* __restrict row = block.cells + y * block.pitch;
    for (int64_t x = 0; x < block.width; ++x) row[x] = widen(from[y * width_of_map + x]);
    std::fill(row + block.width, row + block.pitch, -kInfinity<C>);
  }
  constexpr int64_t kWide = 64;  // fewer, and gcc unrolls the inner loop instead of vectorising it
  const int64_t size = block.rows * block.pitch, padded = (size + kWide - 1) / kWide * kWide;
  std::fill(block.cells + size, block.cells + padded, -kInfinity<C>);
  C top[kWide];
  std::fill_n(top, kWide, -kInfinity<C>);
  for (const C* cells = block.cells; cells < block.cells + padded; cells += kWide) {
    for (int64_t l = 0; l < kWide; ++l) top[l] = cells[l] > top[l] ? cells[l] : top[l];
  }
  return *std::max_element(top, top + kWide);
}

// Whether beta * (value - top) is a number for every value, -inf included.
template <typename C>
bool is_plain(C top, C beta) {
  return beta > 0 && std::isfinite(beta) && std::isfinite(top);
}

template <typename C>
EDUDET_CLONES void to_weights(const Block<C> block, C top, C beta) {
  const int64_t size = block.rows * block.pitch;
  C* cells = block.cells;
  if (is_plain(top, beta)) {  // the same, in half the time
    for (int64_t i = 0; i < size; ++i) cells[i] = exp_of_nonpositive(beta * (cells[i] - top));
  } else {
    for (int64_t i = 0; i < size; ++i) cells[i] = weight_of(cells[i], top, beta);
  }
  for (int64_t y = 0; y < block.rows; ++y) {
    std::fill(cells + y * block.pitch + block.width, cells + (y + 1) * block.pitch, C(0));
  }
}

// The sums over the blocks so far, of weights relative to `top`.
template <typename C>
struct Sums {
  C top = -kInfinity<C>;
  double total = 0, moments[3] = {0, 0, 0};  // moments: sums of weight times x, y, z

  void raise(C larger, double beta) {
    const double factor = weight_of(top, larger, beta_under(larger, beta));
    total *= factor;
    for (double& moment : moments) moment *= factor;
    top = larger;
  }
};

// `first_row`: where in the map the block begins; a map's rows are those of `height` by depth.
template <typename C>
EDUDET_CLONES void add_block(const Block<C> block, const C* positions, int64_t first_row,
                             int64_t height, Sums<C>& sums) {
  C total[kLanes] = {}, x_moment[kLanes] = {}, y_moment[kLanes] = {}, z_moment[kLanes] = {};
  for (int64_t i = 0; i < block.rows; ++i) {
    const C* weights = block.cells + i * block.pitch;
    const C y = C((first_row + i) % height) + C(0.5), z = C((first_row + i) / height) + C(0.5);
    for (int64_t x = 0; x < block.pitch; x += kLanes) {
      for (int64_t l = 0; l < kLanes; ++l) {
        total[l] += weights[x + l];
        x_moment[l] += weights[x + l] * positions[x + l];
        y_moment[l] += weights[x + l] * y;
        z_moment[l] += weights[x + l] * z;
      }
    }
  }
  for (int64_t l = 0; l < kLanes; ++l) {
    sums.total += total[l];
    sums.moments[0] += x_moment[l];
    sums.moments[1] += y_moment[l];
    sums.moments[2] += z_moment[l];
  }
}

// Positions of columns, in cells, and as many zeros behind them as a block may read.
template <typename C>
std::vector<C> column_positions(int64_t width) {
  std::vector<C> positions(width + std::min(width, kBlockCells) + kLanes);
  for (int64_t x = 0; x < width; ++x) positions[x] = C(x) + C(0.5);
  return positions;
}

template <typename T, typename C>
Sums<C> sums_of_map(const T* map, const MapShape& shape, double beta, const C* positions,
                    C* cells) {
  Sums<C> sums;
  const int64_t rows = shape.depth * shape.height, width = std::min(shape.width, kBlockCells);
  const int64_t pitch = (width + kLanes - 1) / kLanes * kLanes;
  const int64_t rows_at_once = kBlockCells / pitch;
  for (int64_t row = 0; row < rows; row += rows_at_once) {
    for (int64_t x = 0; x < shape.width; x += width) {
      const Block<C> block{std::min(rows_at_once, rows - row), std::min(width, shape.width - x),
                           pitch, cells};
      const C top = load(map + row * shape.width + x, shape.width, block);
      if (top > sums.top) sums.raise(top, beta);
      to_weights(block, sums.top, beta_under(sums.top, beta));
      add_block(block, positions + x, row, shape.height, sums);
    }
  }
  return sums;
}

}  // namespace

template <typename T>
void soft_argmax(const T* maps, const MapShape& shape, double beta, compute_t<T>* out,
                 compute_t<T>* softmax, int64_t begin, int64_t end) {
  using C = compute_t<T>;
  std::vector<C> cells(kBlockCells);
  const std::vector<C> positions = column_positions<C>(shape.width);
  const int64_t sizes[] = {shape.width, shape.height, shape.depth};
  for (int64_t i = begin; i < end; ++i) {
    const auto sums =
        sums_of_map(maps + i * shape.cells(), shape, beta, positions.data(), cells.data());
    C* state = softmax + i * shape.state_size();
    state[0] = sums.top, state[1] = C(sums.total);
    for (int64_t axis = 0; axis < shape.axes; ++axis) {
      const double mean = sums.moments[axis] / sums.total;
      state[2 + axis] = C(mean);
      out[i * shape.axes + axis] = C(shape.normalized ? 2 * mean / sizes[axis] - 1 : mean);
    }
  }
}

namespace {

// grad[x] = weight of map[x] * (slope * (position of x - mean) + of_row), for one row.
template <typename T, typename C>
EDUDET_CLONES void backward_row(const T* map, const C* positions, int64_t width, C top, C beta,
                                C slope, C mean, C of_row, T* __restrict grad) {
  for (int64_t x = 0; x < width; ++x) {
    const C weight = weight_of(C(widen(map[x])), top, beta);
    grad[x] = narrow<T>(weight * (slope * (positions[x] - mean) + of_row));
  }
}

template <typename T, typename C>
void backward_map(const C* grad, const T* map, const C* state, const MapShape& shape, double beta,
                  const C* positions, T* grad_map) {
  const C top = state[0], total = state[1], *mean = state + 2;
  if (std::isinf(C(beta)) || std::isinf(top)) {
    std::fill_n(grad_map, shape.cells(), narrow<T>(0 * mean[0]));  // NaN if the map has one
    return;
  }
  const int64_t sizes[] = {shape.width, shape.height, shape.depth};
  C slope[3] = {}, centre[3] = {};
  for (int64_t axis = 0; axis < shape.axes; ++axis) {
    const double unit = shape.normalized ? 2.0 / sizes[axis] : 1.0;
    slope[axis] = C(grad[axis] * unit * beta / total), centre[axis] = mean[axis];
  }
  for (int64_t row = 0; row < shape.depth * shape.height; ++row) {
    const C y = C(row % shape.height) + C(0.5), z = C(row / shape.height) + C(0.5);
    const C of_row = slope[1] * (y - centre[1]) + slope[2] * (z - centre[2]);
    backward_row(map + row * shape.width, positions, shape.width, top, C(beta), slope[0], centre[0],
                 of_row, grad_map + row * shape.width);
  }
}

}  // namespace

template <typename T>
void soft_argmax_backward(const compute_t<T>* grad, const T* maps, const compute_t<T>* softmax,
                          const MapShape& shape, double beta, T* grad_maps, int64_t begin,
                          int64_t end) {
  const auto positions = column_positions<compute_t<T>>(shape.width);
  for (int64_t i = begin; i < end; ++i) {
    backward_map(grad + i * shape.axes, maps + i * shape.cells(), softmax + i * shape.state_size(),
                 shape, beta, positions.data(), grad_maps + i * shape.cells());
  }
}

#define INSTANTIATE(T)                                                                       \
  template void soft_argmax(const T*, const MapShape&, double, compute_t<T>*, compute_t<T>*, \
                            int64_t, int64_t);                                               \
  template void soft_argmax_backward(const compute_t<T>*, const T*, const compute_t<T>*,     \
                                     const MapShape&, double, T*, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(Half)
INSTANTIATE(BFloat16)

}  // namespace edudet::cpu

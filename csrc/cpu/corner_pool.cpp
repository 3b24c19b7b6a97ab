// A running maximum goes from line to line of a plane, for all numbers of a line at once. Along
// columns, the lines are the rows; along rows, those of the plane turned over, a copy.
#include "../corner_pool.h"

#include <algorithm>
#include <vector>

#include "../common/host_device.h"

namespace edudet::cpu {
namespace {

// `count` lines of `size` numbers, walked from the first to the last, or back.
struct Lines {
  int64_t count, size;
  int step;

  // Where the i-th line of the walk begins.
  int64_t at(int64_t i) const { return (step > 0 ? i : count - 1 - i) * size; }
};

// to[x * height + y] = from[y * width + x], in squares that stay in the innermost cache.
template <typename T, typename To>
EDUDET_CLONES void turn(const T* __restrict from, int64_t height, int64_t width,
                        To* __restrict to) {
  constexpr int64_t kSide = 16;
  for (int64_t top = 0; top < height; top += kSide) {
    const int64_t bottom = std::min(top + kSide, height);
    for (int64_t left = 0; left < width; left += kSide) {
      const int64_t right = std::min(left + kSide, width);
      for (int64_t x = left; x < right; ++x)
        for (int64_t y = top; y < bottom; ++y) to[x * height + y] = widen(from[y * width + x]);
    }
  }
}

// The running maximum, line by line; `out` may be `from`.
template <typename T, typename C>
EDUDET_CLONES void run(const Lines lines, const T* from, C* out) {
  for (int64_t i = 0; i < lines.count; ++i) {
    const T* line = from + lines.at(i);
    C* best = out + lines.at(i);
    const C* before = i > 0 ? out + lines.at(i - 1) : nullptr;
    if (!before) {
      for (int64_t x = 0; x < lines.size; ++x) best[x] = widen(line[x]);
    } else {
      for (int64_t x = 0; x < lines.size; ++x) {
        const C value = widen(line[x]);
        best[x] = exceeds(value, before[x]) ? value : before[x];
      }
    }
  }
}

// sums[p] = the gradients of all numbers whose maximum is number p: from where the running maximum
// `best` changes to where it changes again. `sum`: one line of scratch.
template <typename T, typename C>
EDUDET_CLONES void collect(const Lines lines, const C* __restrict best, const T* __restrict grad,
                           C* __restrict sum, C* __restrict sums) {
  std::fill_n(sum, lines.size, C(0));
  for (int64_t i = lines.count - 1; i >= 0; --i) {
    const int64_t at = lines.at(i);
    if (i == 0) {
      for (int64_t x = 0; x < lines.size; ++x) sums[at + x] = sum[x] + widen(grad[at + x]);
      continue;
    }
    const C* before = best + lines.at(i - 1);
    for (int64_t x = 0; x < lines.size; ++x) {
      const C total = sum[x] + widen(grad[at + x]);
      const bool changes = exceeds(best[at + x], before[x]);
      sums[at + x] = changes ? total : C(0);
      sum[x] = changes ? C(0) : total;
    }
  }
}

template <typename T, typename C>
EDUDET_CLONES void store(const C* __restrict from, int64_t count, T* __restrict to) {
  for (int64_t p = 0; p < count; ++p) to[p] = narrow<T>(from[p]);
}
template <typename T, typename C>
EDUDET_CLONES void store_sum(const C* __restrict a, const C* __restrict b, int64_t count,
                             T* __restrict to) {
  for (int64_t p = 0; p < count; ++p) to[p] = narrow<T>(a[p] + b[p]);
}

// Writes what was found along columns and along rows (null: not asked for) to a plane.
template <typename T, typename C>
void finish(const C* down, const C* right, int64_t cells, T* out) {
  if (down && right) {
    store_sum(down, right, cells, out);
  } else {
    store(down ? down : right, cells, out);
  }
}

}  // namespace

template <typename T>
void corner_pool(const CornerGrid& grid, const T* input, T* out, int64_t begin, int64_t end) {
  using C = compute_t<T>;
  const int64_t cells = grid.height * grid.width;
  const Lines rows{grid.height, grid.width, grid.down},
      columns{grid.width, grid.height, grid.right};
  std::vector<C> down(grid.down ? cells : 0), turned(grid.right ? cells : 0), right(turned.size());
  for (int64_t p = begin; p < end; ++p) {
    const T* plane = input + p * cells;
    if (grid.down) run(rows, plane, down.data());
    if (grid.right) {
      turn(plane, grid.height, grid.width, turned.data());
      run(columns, turned.data(), turned.data());
      turn(turned.data(), grid.width, grid.height, right.data());
    }
    finish(grid.down ? down.data() : nullptr, grid.right ? right.data() : nullptr, cells,
           out + p * cells);
  }
}

template <typename T>
void corner_pool_backward(const CornerGrid& grid, const T* grad, const T* input, T* grad_input,
                          int64_t begin, int64_t end) {
  using C = compute_t<T>;
  const int64_t cells = grid.height * grid.width;
  const Lines rows{grid.height, grid.width, grid.down},
      columns{grid.width, grid.height, grid.right};
  std::vector<C> best(cells), turned(cells), down(cells), right(cells);
  std::vector<C> sum(std::max(grid.height, grid.width));
  for (int64_t p = begin; p < end; ++p) {
    const T *plane = input + p * cells, *gradients = grad + p * cells;
    if (grid.down) {
      run(rows, plane, best.data());
      collect(rows, best.data(), gradients, sum.data(), down.data());
    }
    if (grid.right) {
      turn(plane, grid.height, grid.width, best.data());
      run(columns, best.data(), best.data());
      turn(gradients, grid.height, grid.width, turned.data());
      collect(columns, best.data(), turned.data(), sum.data(), right.data());
      turn(right.data(), grid.width, grid.height, turned.data());
    }
    finish(grid.down ? down.data() : nullptr, grid.right ? turned.data() : nullptr, cells,
           grad_input + p * cells);
  }
}

#define INSTANTIATE(T)                                                          \
  template void corner_pool(const CornerGrid&, const T*, T*, int64_t, int64_t); \
  template void corner_pool_backward(const CornerGrid&, const T*, const T*, T*, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(Half)
INSTANTIATE(BFloat16)

}  // namespace edudet::cpu

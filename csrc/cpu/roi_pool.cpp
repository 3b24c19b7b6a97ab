// Forward, like RoIAlign, by slices: copy a slice of channels of one image so that they lie side by
// side, then serve all its RoIs, many channels in a vector. In place where they lie so already
// (channels_last), or where few RoIs on a big map do not repay a copy.
//
// Backward by planes: each gradient is added to one cell, which differs from channel to channel; a
// few planes at a time stay in the cache. In channels_last many channels of a cell are added at a
// time, each where the argmax is that cell, as long as a bin has few cells.
#include "../roi_pool.h"

#include <algorithm>
#include <type_traits>

#include "slices.h"

namespace edudet::cpu {

template <typename C>
SnapPlan::SnapPlan(const C* boxes, int64_t num_rois, int64_t images, const RoiBins& grid)
    : rows(grid.rows), columns(grid.columns), is_used(images) {
  rois.reserve(num_rois);
  for (int64_t k = 0; k < num_rois; ++k) {
    rois.push_back(snap_roi(boxes + 5 * k, images, grid));
    if (rois.back().fault != RoiFault::none) return;
    is_used[rois.back().image] = true;
  }
}

void SnapPlan::store_cells(int64_t height, int64_t width) {
  cells.reserve(rois.size() * (rows + columns));
  for (const SnappedRoi& roi : rois) {
    double down = 0, across = 0;
    for (int64_t i = 0; i < rows; ++i) {
      cells.push_back(roi.y.cells_of(i, rows, height));
      down += double(std::max<int64_t>(cells.back().end - cells.back().begin, 0));
    }
    for (int64_t j = 0; j < columns; ++j) {
      cells.push_back(roi.x.cells_of(j, columns, width));
      across += double(std::max<int64_t>(cells.back().end - cells.back().begin, 0));
    }
    num_reads += down * across;
  }
}

namespace {

// As wide as the numbers that it goes with, so that both fill the same vectors.
template <typename C>
using index_t = std::conditional_t<sizeof(C) == 8, int64_t, int32_t>;

// The largest of `size` channels in every bin of a RoI: what it is, and in which cell.
template <typename C>
struct Pooled {
  C* values;
  index_t<C>* cells;
};

// bins.values[bin * size + c] = the largest of channel c in that bin. With S > 0, size is S: the
// compiler then keeps the largest so far in registers. With Side, channels lie side by side. With
// Where, bins.cells is written as well.
template <int64_t S, bool Side, bool Where, typename T, typename C>
EDUDET_CLONES void pool(const SnapPlan& plan, const CellRange* cells, const Slice<const T> from,
                        int64_t map_width, const Pooled<C> bins) {
  using Index = index_t<C>;
  const int64_t size = S ? S : from.size, step = Side ? 1 : from.step;
  C* __restrict out = bins.values;
  Index* __restrict args = bins.cells;
  for (int64_t i = 0; i < plan.rows; ++i) {
    const CellRange rows = cells[i];
    for (int64_t j = 0; j < plan.columns; ++j, out += size, args += size) {
      const CellRange columns = cells[plan.rows + j];
      if (rows.begin >= rows.end || columns.begin >= columns.end) {
        std::fill_n(out, size, C(0));
        if (Where) std::fill_n(args, size, Index(-1));
        continue;
      }
      C value_registers[S ? S : 1];
      Index index_registers[S ? S : 1];
      C* best = S ? value_registers : out;
      Index* where = S ? index_registers : args;
      const T* first = from.data + rows.begin * from.row_pitch + columns.begin * from.pitch;
      for (int64_t c = 0; c < size; ++c) {
        best[c] = widen(first[c * step]);
        if (Where) where[c] = Index(rows.begin * map_width + columns.begin);
      }
      for (int64_t y = rows.begin; y < rows.end; ++y) {
        for (int64_t x = columns.begin; x < columns.end; ++x) {
          const T* cell = from.data + y * from.row_pitch + x * from.pitch;
          const Index index = Index(y * map_width + x);
// If gcc unrolls this loop first, it does not vectorise it.
#pragma GCC unroll 1
          for (int64_t c = 0; c < size; ++c) {
            const C value = widen(cell[c * step]);
            const bool larger = exceeds(value, best[c]);
            best[c] = larger ? value : best[c];
            if (Where) where[c] = larger ? index : where[c];
          }
        }
      }
      for (int64_t c = 0; c < S; ++c) {
        out[c] = best[c];
        if (Where) args[c] = where[c];
      }
    }
  }
}

template <bool Where, typename T, typename C>
void pool_slice(const SnapPlan& plan, int64_t k, const Slice<const T>& from, int64_t map_width,
                const Pooled<C>& bins) {
  const auto f = from.step == 1 && from.size == kWide<C>     ? pool<kWide<C>, true, Where, T, C>
                 : from.step == 1 && from.size == kNarrow<C> ? pool<kNarrow<C>, true, Where, T, C>
                 : from.size == 1                            ? pool<1, true, Where, T, C>
                 : from.step == 1                            ? pool<0, true, Where, T, C>
                                                             : pool<0, false, Where, T, C>;
  f(plan, plan.cells_of(k), from, map_width, bins);
}

template <typename C, typename Index>
EDUDET_CLONES void spread_indices(const index_t<C>* cells, int64_t size, const Maps<Index>& argmax,
                                  int64_t k, int64_t first) {
  copy_slice<false>(argmax, k, first, size, cells,
                    [](const index_t<C>& from, Index& to) { to = Index(from); });
}

// How many channels at a time, and whether they are reached where they lie.
struct Walk {
  bool in_place;
  int64_t size;
};

template <typename T>
Walk choose_walk(const SnapPlan& plan, const Maps<T>& maps) {
  using C = compute_t<std::remove_const_t<T>>;
  if (maps.channel_stride == 1) return {true, kWide<C>};
  const auto images = std::count(plan.is_used.begin(), plan.is_used.end(), true);
  // Reading one number takes about as long as copying two, or reading eight of a slice.
  if (2 * plan.num_reads < double(images * maps.height * maps.width)) return {true, 1};
  return {false, slice_size<C>(maps)};
}

template <typename C>
struct Scratch {
  explicit Scratch(int64_t size) : values(size), cells(size) {}

  std::vector<C> values;
  std::vector<index_t<C>> cells;
};

// What belongs to one RoI lies far from what belongs to the next, and waits in memory.
template <bool kWrite, typename T>
void prefetch(const T* data, int64_t count) {
  const char* bytes = reinterpret_cast<const char*>(data);
  for (int64_t i = 0; i < count * int64_t(sizeof(T)); i += 64)
    __builtin_prefetch(bytes + i, kWrite, kWrite ? 3 : 2);
}

// Channels [first, first + from.size) of RoI k.
template <typename T, typename C, typename From, typename Index>
void pool_roi(const SnapPlan& plan, int64_t k, int64_t first, const Slice<const From>& from,
              int64_t map_width, Scratch<C>& bins, const Maps<T>& out, const Maps<Index>& argmax) {
  const Pooled<C> pooled{bins.values.data(), bins.cells.data()};
  if (out.channel_stride != 1) {
    prefetch<true>(out.at(k, first, 0, 0), from.size * plan.rows * plan.columns);
    if (argmax.data)
      prefetch<true>(argmax.at(k, first, 0, 0), from.size * plan.rows * plan.columns);
  }
  if (argmax.data) {
    pool_slice<true, From>(plan, k, from, map_width, pooled);
    spread_indices<C>(pooled.cells, from.size, argmax, k, first);
  } else {
    pool_slice<false, From>(plan, k, from, map_width, pooled);
  }
  spread_channels(pooled.values, from.size, out, k, first);
}

template <typename Index>
EDUDET_CLONES Index largest_of(const Index* where, int64_t count) {
  Index largest = 0;
  for (int64_t i = 0; i < count; ++i) largest = std::max(largest, where[i]);
  return largest;
}

// Adds the gradients of RoI k to planes of sums of `size` channels, from channel `first`. With S >
// 0, size is S. Channels take turns, as bins that share a cell come one after the other: each
// addition to it would wait for the one before.
template <int64_t S, typename T, typename C, typename Index>
void scatter_to_planes(const Maps<const T>& grad, const Maps<const Index>& argmax, int64_t k,
                       int64_t first, int64_t num_channels, int64_t cells, C* sums) {
  const int64_t size = S ? S : num_channels, bins = grad.height * grad.width;
  const T* from = grad.at(k, first, 0, 0);
  const Index* where = argmax.at(k, first, 0, 0);
  const auto add = [&](int64_t c, int64_t bin) {
    sums[c * cells + where[c * bins + bin]] += widen(from[c * bins + bin]);
  };
  if (largest_of(where, size * bins) < cells) {  // the usual case, without a question in the loop
    for (int64_t bin = 0; bin < bins; ++bin)
      for (int64_t c = 0; c < size; ++c) add(c, bin);
  } else {
    for (int64_t bin = 0; bin < bins; ++bin) {
      for (int64_t c = 0; c < size; ++c)
        if (where[c * bins + bin] < cells) add(c, bin);
    }
  }
}

// A bin of so few cells is faster to search for its argmax, many channels in a vector, than to
// follow it, one channel at a time.
constexpr int64_t kFewCells = 8;

// The same for channels that lie side by side, in `grad` as in `sums`.
template <int64_t S, typename T, typename C, typename Index>
EDUDET_CLONES void scatter_side_by_side(const SnapPlan& plan, const Maps<const T>& grad,
                                        const Maps<const Index>& argmax, int64_t k, int64_t first,
                                        int64_t map_width, int64_t num_cells, const Slice<C> sums) {
  const int64_t size = S ? S : sums.size;
  const CellRange* cells = plan.cells_of(k);
  const T* from = grad.at(k, first, 0, 0);
  const Index* where = argmax.at(k, first, 0, 0);
  for (int64_t i = 0; i < plan.rows; ++i) {
    const CellRange rows = cells[i];
    for (int64_t j = 0; j < plan.columns; ++j, from += grad.channels, where += grad.channels) {
      const CellRange columns = cells[plan.rows + j];
      if (rows.begin >= rows.end || columns.begin >= columns.end) continue;
      if ((rows.end - rows.begin) * (columns.end - columns.begin) > kFewCells) {
        for (int64_t c = 0; c < size; ++c)
          if (where[c] < num_cells) sums.data[where[c] * sums.pitch + c] += widen(from[c]);
        continue;
      }
      for (int64_t y = rows.begin; y < rows.end; ++y) {
        for (int64_t x = columns.begin; x < columns.end; ++x) {
          const index_t<C> cell = index_t<C>(y * map_width + x);
          C* __restrict to = sums.data + cell * sums.pitch;
#pragma GCC unroll 1
          for (int64_t c = 0; c < size; ++c)
            to[c] += index_t<C>(where[c]) == cell ? widen(from[c]) : C(0);
        }
      }
    }
  }
}

// Where sums are kept: in planes, or with channels side by side, as `grad` has them. Where the
// numbers of grad_input can hold sums, these are its own.
struct SumsWalk {
  bool side_by_side, in_place;
  int64_t size;
};

template <typename T>
SumsWalk choose_walk_backward(const Maps<T>& grad_input) {
  using C = compute_t<T>;
  constexpr bool kHoldsSums = std::is_same_v<T, C>;
  const int64_t cells = grad_input.height * grad_input.width;
  if (grad_input.channel_stride == 1) {
    return {true, kHoldsSums, kHoldsSums ? kWide<C> : slice_size<C>(grad_input)};
  }
  const bool dense = grad_input.column_stride == 1 && grad_input.row_stride == grad_input.width &&
                     grad_input.channel_stride == cells;
  const bool fits = cells * kPlanes * int64_t(sizeof(C)) <= kCacheBytes / 2;
  return {false, dense && kHoldsSums, fits ? kPlanes : kPlanes / 2};
}

// Channels [first, first + sums.size) of RoI k; of planes, `sums.pitch` is 1.
template <typename T, typename C, typename Index>
void scatter_slice(const SnapPlan& plan, const Maps<const T>& grad, const Maps<const Index>& argmax,
                   int64_t k, int64_t first, const Maps<T>& grad_input, bool side_by_side,
                   const Slice<C>& sums) {
  const int64_t cells = grad_input.height * grad_input.width;
  if (side_by_side) {
    const auto f = sums.size == kWide<C>     ? scatter_side_by_side<kWide<C>, T, C, Index>
                   : sums.size == kNarrow<C> ? scatter_side_by_side<kNarrow<C>, T, C, Index>
                                             : scatter_side_by_side<0, T, C, Index>;
    f(plan, grad, argmax, k, first, grad_input.width, cells, sums);
  } else {
    const auto f = sums.size == kPlanes       ? scatter_to_planes<kPlanes, T, C, Index>
                   : sums.size == kPlanes / 2 ? scatter_to_planes<kPlanes / 2, T, C, Index>
                                              : scatter_to_planes<0, T, C, Index>;
    f(grad, argmax, k, first, sums.size, cells, sums.data);
  }
}

// The same for all RoIs of image n.
template <typename T, typename C, typename Index>
void scatter_image(const SnapPlan& plan, const Maps<const T>& grad, const Maps<const Index>& argmax,
                   int64_t n, int64_t first, const Maps<T>& grad_input, bool side_by_side,
                   const Slice<C>& sums) {
  const int64_t num_rois = int64_t(plan.rois.size()), bins = grad.height * grad.width;
  const auto next_of = [&](int64_t k) {
    while (k < num_rois && plan.rois[k].image != n) ++k;
    return k;
  };
  for (int64_t k = next_of(0), next; k < num_rois; k = next) {
    next = next_of(k + 1);
    if (next < num_rois && side_by_side) {
      for (int64_t bin = 0; bin < bins; ++bin) {
        prefetch<false>(grad.at(next, first, 0, 0) + bin * grad.channels, sums.size);
        prefetch<false>(argmax.at(next, first, 0, 0) + bin * grad.channels, sums.size);
      }
    }
    if (next < num_rois && !side_by_side) {
      prefetch<false>(grad.at(next, first, 0, 0), sums.size * bins);
      prefetch<false>(argmax.at(next, first, 0, 0), sums.size * bins);
    }
    scatter_slice(plan, grad, argmax, k, first, grad_input, side_by_side, sums);
  }
}

}  // namespace

template <typename T>
int64_t plan_roi_pool(SnapPlan& plan, const Maps<const T>& input) {
  if (plan.rois.empty() || input.channels == 0) return 0;
  plan.store_cells(input.height, input.width);
  const Walk walk = choose_walk(plan, input);
  return walk.in_place ? int64_t(plan.rois.size()) : input.images * num_slices(input, walk.size);
}

template <typename T, typename Index>
void roi_pool(const SnapPlan& plan, const Maps<const T>& input, const Maps<T>& out,
              const Maps<Index>& argmax, int64_t begin, int64_t end) {
  using C = compute_t<T>;
  const Walk walk = choose_walk(plan, input);
  Scratch<C> bins(walk.size * plan.rows * plan.columns);
  if (walk.in_place) {
    for (int64_t k = begin; k < end; ++k) {
      for (int64_t c = 0; c < input.channels; c += walk.size) {
        const int64_t size = std::min(walk.size, input.channels - c);
        pool_roi(plan, k, c, slice_of(input, plan.rois[k].image, c, size), input.width, bins, out,
                 argmax);
      }
    }
    return;
  }
  std::vector<C> copy(walk.size * input.height * input.width);
  const int64_t slices = num_slices(input, walk.size);
  for (int64_t task = begin; task < end; ++task) {
    const int64_t n = task / slices, first = task % slices * walk.size;
    if (!plan.is_used[n]) continue;
    const int64_t size = std::min(walk.size, input.channels - first);
    gather_channels(input, n, first, size, copy.data());
    const Slice<const C> from{copy.data(), input.width * size, size, 1, size};
    for (int64_t k = 0; k < int64_t(plan.rois.size()); ++k) {
      if (plan.rois[k].image == n) pool_roi(plan, k, first, from, input.width, bins, out, argmax);
    }
  }
}

template <typename T>
int64_t plan_roi_pool_backward(SnapPlan& plan, const Maps<T>& grad_input) {
  if (grad_input.channels == 0) return 0;
  const SumsWalk walk = choose_walk_backward(grad_input);
  if (walk.side_by_side) plan.store_cells(grad_input.height, grad_input.width);
  return grad_input.images * num_slices(grad_input, walk.size);
}

template <typename T, typename Index>
void roi_pool_backward(const SnapPlan& plan, const Maps<const T>& grad,
                       const Maps<const Index>& argmax, const Maps<T>& grad_input, int64_t begin,
                       int64_t end) {
  using C = compute_t<T>;
  const SumsWalk walk = choose_walk_backward(grad_input);
  const int64_t cells = grad_input.height * grad_input.width;
  const int64_t slices = num_slices(grad_input, walk.size);
  std::vector<C> scratch(walk.in_place ? 0 : walk.size * cells);
  for (int64_t task = begin; task < end; ++task) {
    const int64_t n = task / slices, first = task % slices * walk.size;
    const int64_t size = std::min(walk.size, grad_input.channels - first);
    Slice<C> sums{scratch.data(), 0, walk.side_by_side ? size : 1, 1, size};
    if constexpr (std::is_same_v<T, C>) {
      if (walk.in_place) sums = slice_of(grad_input, n, first, size);
    }
    if (!walk.in_place || !walk.side_by_side) std::fill_n(sums.data, size * cells, C(0));
    scatter_image(plan, grad, argmax, n, first, grad_input, walk.side_by_side, sums);
    if (walk.in_place) continue;
    if (walk.side_by_side) {
      spread_channels(sums.data, size, grad_input, n, first);
    } else {
      for (int64_t c = 0; c < size; ++c)
        spread_channels(sums.data + c * cells, 1, grad_input, n, first + c);
    }
  }
}

#define INSTANTIATE_WITH(T, Index)                                                                 \
  template void roi_pool(const SnapPlan&, const Maps<const T>&, const Maps<T>&,                    \
                         const Maps<Index>&, int64_t, int64_t);                                    \
  template void roi_pool_backward(const SnapPlan&, const Maps<const T>&, const Maps<const Index>&, \
                                  const Maps<T>&, int64_t, int64_t);
#define INSTANTIATE(T)                                                \
  template int64_t plan_roi_pool(SnapPlan&, const Maps<const T>&);    \
  template int64_t plan_roi_pool_backward(SnapPlan&, const Maps<T>&); \
  INSTANTIATE_WITH(T, uint16_t)                                       \
  INSTANTIATE_WITH(T, uint32_t)
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(Half)
INSTANTIATE(BFloat16)
template SnapPlan::SnapPlan(const float*, int64_t, int64_t, const RoiBins&);
template SnapPlan::SnapPlan(const double*, int64_t, int64_t, const RoiBins&);

}  // namespace edudet::cpu

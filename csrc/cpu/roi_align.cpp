// Three ways to walk through a map, by its layout and by how much of it the RoIs use:
//
//   in place    channels lie side by side already (channels_last): a vector holds many of them
//   by slices   copy a slice of channels of one image to that layout, then serve all its RoIs
//   by planes   few RoIs on a big map: a few channels at a time, where they lie
//
// All three call the same two loops, `pool` and `scatter`, for a number of channels at a time.
#include "../roi_align.h"

#include <algorithm>
#include <type_traits>

#include "../common/bilinear.h"
#include "slices.h"

namespace edudet::cpu {

template <typename C>
RoiPlan<C>::RoiPlan(const C* boxes, int64_t num_rois, int64_t images, int64_t map_height,
                    int64_t map_width, const RoiGrid& grid)
    : rows(grid.rows), columns(grid.columns), height(map_height), width(map_width) {
  std::vector<bool> in_use(images);
  rois.reserve(num_rois);
  for (int64_t k = 0; k < num_rois; ++k) {
    rois.push_back(place_roi(boxes + 5 * k, images, grid));
    const Roi<C>& roi = rois.back();
    if (roi.fault != RoiFault::none) return;
    const double row_taps = double(rows) * std::min(2 * roi.y.samples, height);
    num_products += row_taps * columns * std::min(2 * roi.x.samples, width);
    if (!in_use[roi.image]) num_cells += height * width;
    in_use[roi.image] = true;
  }
}

template <typename C>
void TapList<C>::add(const RoiAxis<C>& axis, int64_t bins, int64_t cells) {
  for (int64_t i = 0; i < bins; ++i) {
    const size_t begin = taps.size();
    // Positions increase: if a cell has come up already, it is one of the last two.
    const auto add_tap = [&](int64_t cell, C weight) {
      for (size_t last = taps.size(); last > begin && last + 2 > taps.size(); --last) {
        Tap<C>& tap = taps[last - 1];
        if (tap.cell == cell) {
          tap.weight += weight;
          return;
        }
      }
      Tap<C>& tap = taps.emplace_back();
      tap.cell = int32_t(cell), tap.weight = weight;
    };
    for (int64_t sample = 0; sample < axis.samples; ++sample) {
      const AxisTaps<C> pair = axis_taps(axis.position(i, sample), cells);
      if (pair.outside) continue;
      add_tap(pair.low, pair.weight_low);
      add_tap(pair.high, pair.weight_high);
    }
    ends.push_back(int64_t(taps.size()));
  }
}

namespace {

// The taps of one RoI, as in TapList; `scale`: 1 / number of samples.
template <typename C>
struct RoiTaps {
  const Tap<C>* taps;
  const int64_t *row_ends, *column_ends;
  int64_t rows, columns;
  C scale;
};

// The taps of RoI k, which is the r-th of the list.
template <typename C>
RoiTaps<C> taps_of(const RoiPlan<C>& plan, int64_t k, const TapList<C>& list, int64_t r) {
  const int64_t* ends = list.ends.data() + r * (plan.rows + plan.columns);
  return {list.taps.data(), ends,         ends + plan.rows,
          plan.rows,        plan.columns, C(1) / plan.rois[k].count()};
}

// bins[bin * size + c] = mean of channel c in that bin. With S > 0, size is S: the compiler then
// keeps the sums in registers. With Side, step is 1: channels lie side by side and fill vectors.
template <int64_t S, bool Side, typename T, typename C>
EDUDET_CLONES void pool(const RoiTaps<C> roi, const Slice<const T> from, C* __restrict bins) {
  const int64_t size = S ? S : from.size, step = Side ? 1 : from.step;
  const Tap<C>* taps = roi.taps;
  for (int64_t i = 0; i < roi.rows; ++i) {
    for (int64_t j = 0; j < roi.columns; ++j, bins += size) {
      C registers[S ? S : 1];
      C* sums = S ? registers : bins;
      for (int64_t c = 0; c < size; ++c) sums[c] = C(0);
      for (int64_t a = roi.row_ends[i]; a < roi.row_ends[i + 1]; ++a) {
        const T* row = from.data + taps[a].cell * from.row_pitch;
        for (int64_t b = roi.column_ends[j]; b < roi.column_ends[j + 1]; ++b) {
          const T* cell = row + taps[b].cell * from.pitch;
          const C weight = taps[a].weight * taps[b].weight;
          asm volatile("");  // else gcc takes two cells at a time and the sums leave the registers
          for (int64_t c = 0; c < size; ++c) sums[c] += weight * widen(cell[c * step]);
        }
      }
      for (int64_t c = 0; c < size; ++c) bins[c] = sums[c] * roi.scale;
    }
  }
}

// The transpose of `pool`: adds the gradient of each bin to the cells that it was computed from.
template <int64_t S, bool Side, typename C>
EDUDET_CLONES void scatter(const RoiTaps<C> roi, const C* __restrict bins, const Slice<C> to) {
  const int64_t size = S ? S : to.size, step = Side ? 1 : to.step;
  const Tap<C>* taps = roi.taps;
  for (int64_t i = 0; i < roi.rows; ++i) {
    for (int64_t j = 0; j < roi.columns; ++j, bins += size) {
      for (int64_t a = roi.row_ends[i]; a < roi.row_ends[i + 1]; ++a) {
        C* row = to.data + taps[a].cell * to.row_pitch;
        for (int64_t b = roi.column_ends[j]; b < roi.column_ends[j + 1]; ++b) {
          C* __restrict cell = row + taps[b].cell * to.pitch;
          const C weight = taps[a].weight * taps[b].weight * roi.scale;
          asm volatile("");
          for (int64_t c = 0; c < size; ++c) cell[c * step] += weight * bins[c];
        }
      }
    }
  }
}

template <typename T, typename C>
void pool_slice(const RoiTaps<C>& roi, const Slice<const T>& from, C* bins) {
  const auto f = from.step == 1 && from.size == kWide<C>     ? pool<kWide<C>, true, T, C>
                 : from.step == 1 && from.size == kNarrow<C> ? pool<kNarrow<C>, true, T, C>
                 : from.size == 1                            ? pool<1, true, T, C>
                 : from.step == 1                            ? pool<0, true, T, C>
                 : from.size == kPlanes                      ? pool<kPlanes, false, T, C>
                                                             : pool<0, false, T, C>;
  f(roi, from, bins);
}

template <typename C>
void scatter_slice(const RoiTaps<C>& roi, const C* bins, const Slice<C>& to) {
  const auto f = to.step == 1 && to.size == kWide<C>     ? scatter<kWide<C>, true, C>
                 : to.step == 1 && to.size == kNarrow<C> ? scatter<kNarrow<C>, true, C>
                 : to.size == 1                          ? scatter<1, true, C>
                 : to.step == 1                          ? scatter<0, true, C>
                 : to.size == kPlanes                    ? scatter<kPlanes, false, C>
                                                         : scatter<0, false, C>;
  f(roi, bins, to);
}

// How many channels at a time, and whether they are reached where they lie.
struct Walk {
  bool in_place;
  int64_t size;
};

template <typename T, typename C>
Walk choose_walk(const RoiPlan<C>& plan, const Maps<T>& maps) {
  if (maps.channel_stride == 1) return {true, kWide<C>};
  if (plan.num_products < double(plan.num_cells)) return {true, kPlanes};
  return {false, slice_size<C>(maps)};
}

template <typename T>
Walk choose_walk_backward(const RoiPlan<compute_t<T>>& plan, const Maps<T>& maps) {
  using C = compute_t<T>;
  if (sizeof(T) == sizeof(C)) return choose_walk(plan, maps);
  return {false, slice_size<C>(maps)};  // 16-bit numbers cannot hold the sums
}

template <typename T>
void pool_roi(const RoiPlan<compute_t<T>>& plan, const Maps<const T>& input, const Maps<T>& out,
              int64_t k, int64_t step, TapList<compute_t<T>>& list, compute_t<T>* bins) {
  list.clear();
  plan.add_taps(k, list);
  const auto roi = taps_of(plan, k, list, 0);
  for (int64_t c = 0; c < input.channels; c += step) {
    const int64_t size = std::min(step, input.channels - c);
    pool_slice<T>(roi, slice_of(input, plan.rois[k].image, c, size), bins);
    spread_channels(bins, size, out, k, c);
  }
}

// Channels [first, first + size) of every RoI in image n.
template <typename T>
void pool_image(const RoiPlan<compute_t<T>>& plan, const Maps<const T>& input, const Maps<T>& out,
                int64_t n, int64_t first, int64_t size, compute_t<T>* cells, compute_t<T>* bins) {
  using C = compute_t<T>;
  bool copied = false;
  for (int64_t k = 0; k < int64_t(plan.rois.size()); ++k) {
    if (plan.rois[k].image != n) continue;
    if (!copied) gather_channels(input, n, first, size, cells);
    copied = true;
    pool_slice<C>(taps_of(plan, k, plan.stored, k), {cells, input.width * size, size, 1, size},
                  bins);
    spread_channels(bins, size, out, k, first);
  }
}

template <typename T>
void scatter_image(const RoiPlan<compute_t<T>>& plan, const Maps<const T>& grad, int64_t n,
                   int64_t first, const Slice<compute_t<T>>& to, compute_t<T>* bins) {
  for (int64_t k = 0; k < int64_t(plan.rois.size()); ++k) {
    if (plan.rois[k].image != n) continue;
    gather_channels(grad, k, first, to.size, bins);
    scatter_slice(taps_of(plan, k, plan.stored, k), bins, to);
  }
}

template <typename T>
void clear(const Maps<T>& maps, int64_t n, int64_t first, int64_t size) {
  for (int64_t y = 0; y < maps.height; ++y) {
    T* row = maps.at(n, first, y, 0);
    if (maps.channel_stride != 1) {  // planes
      for (int64_t c = 0; c < size; ++c)
        std::fill_n(row + c * maps.channel_stride, maps.width, T{});
    } else if (maps.column_stride == size) {
      std::fill_n(row, maps.width * size, T{});
    } else {
      for (int64_t x = 0; x < maps.width; ++x) std::fill_n(row + x * maps.column_stride, size, T{});
    }
  }
}

}  // namespace

template <typename T>
int64_t plan_roi_align(RoiPlan<compute_t<T>>& plan, const Maps<const T>& input) {
  const Walk walk = choose_walk(plan, input);
  if (plan.rois.empty() || input.channels == 0) return 0;
  if (walk.in_place) return int64_t(plan.rois.size());
  plan.store_taps();
  return input.images * num_slices(input, walk.size);
}

template <typename T>
void roi_align(const RoiPlan<compute_t<T>>& plan, const Maps<const T>& input, const Maps<T>& out,
               int64_t begin, int64_t end) {
  using C = compute_t<T>;
  const Walk walk = choose_walk(plan, input);
  std::vector<C> bins(walk.size * plan.rows * plan.columns);
  if (walk.in_place) {
    TapList<C> list;
    for (int64_t k = begin; k < end; ++k) {
      pool_roi(plan, input, out, k, walk.size, list, bins.data());
    }
    return;
  }
  std::vector<C> cells(walk.size * input.height * input.width);
  const int64_t slices = num_slices(input, walk.size);
  for (int64_t task = begin; task < end; ++task) {
    const int64_t first = task % slices * walk.size;
    pool_image(plan, input, out, task / slices, first, std::min(walk.size, input.channels - first),
               cells.data(), bins.data());
  }
}

template <typename T>
int64_t plan_roi_align_backward(RoiPlan<compute_t<T>>& plan, const Maps<T>& grad_input) {
  if (grad_input.channels == 0) return 0;
  plan.store_taps();
  return grad_input.images * num_slices(grad_input, choose_walk_backward(plan, grad_input).size);
}

template <typename T>
void roi_align_backward(const RoiPlan<compute_t<T>>& plan, const Maps<const T>& grad,
                        const Maps<T>& grad_input, int64_t begin, int64_t end) {
  using C = compute_t<T>;
  const Walk walk = choose_walk_backward(plan, grad_input);
  const int64_t slices = num_slices(grad_input, walk.size);
  const int64_t num_cells = grad_input.height * grad_input.width;
  std::vector<C> bins(plan.rois.empty() ? 0 : walk.size * plan.rows * plan.columns);
  std::vector<C> cells(walk.in_place ? 0 : walk.size * num_cells);
  for (int64_t task = begin; task < end; ++task) {
    const int64_t n = task / slices, first = task % slices * walk.size;
    const int64_t size = std::min(walk.size, grad_input.channels - first);
    if (walk.in_place) {
      clear(grad_input, n, first, size);
      if constexpr (std::is_same_v<T, C>) {
        scatter_image(plan, grad, n, first, slice_of(grad_input, n, first, size), bins.data());
      }
    } else {
      std::fill(cells.begin(), cells.end(), C(0));
      const Slice<C> to{cells.data(), grad_input.width * size, size, 1, size};
      scatter_image(plan, grad, n, first, to, bins.data());
      spread_channels(cells.data(), size, grad_input, n, first);
    }
  }
}

#define INSTANTIATE(T)                                                                        \
  template int64_t plan_roi_align(RoiPlan<compute_t<T>>&, const Maps<const T>&);              \
  template void roi_align(const RoiPlan<compute_t<T>>&, const Maps<const T>&, const Maps<T>&, \
                          int64_t, int64_t);                                                  \
  template int64_t plan_roi_align_backward(RoiPlan<compute_t<T>>&, const Maps<T>&);           \
  template void roi_align_backward(const RoiPlan<compute_t<T>>&, const Maps<const T>&,        \
                                   const Maps<T>&, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(Half)
INSTANTIATE(BFloat16)
template struct RoiPlan<float>;
template struct RoiPlan<double>;
template struct TapList<float>;
template struct TapList<double>;

}  // namespace edudet::cpu

// Slices of channels, copied so that the channels of a cell lie side by side and fill vectors.
#pragma once

#include <algorithm>
#include <cstdint>

#include "../common/half.h"
#include "../common/maps.h"

namespace edudet::cpu {

// Channels that are served at a time: 4 vectors' worth, 1 where a slice of 4 would leave the cache,
// and planes enough for the additions of one not to wait for each other.
template <typename C>
constexpr int64_t kWide = 256 / sizeof(C);
template <typename C>
constexpr int64_t kNarrow = 64 / sizeof(C);
constexpr int64_t kPlanes = 8;
constexpr int64_t kCacheBytes = 1 << 21;

// `size` channels of one image; neighbours in a row are `pitch` elements apart, channels `step`.
template <typename T>
struct Slice {
  T* data;
  int64_t row_pitch, pitch, step, size;
};

// Calls copy(element of maps, element of cells) for `size` channels of image n of `maps`, from
// channel `first`, and cells that hold those channels side by side. Channels are the inner loop
// where they are neighbours in `maps` too; else 64 cells: a few lines of every plane at a time, and
// what they become stays in the innermost cache.
template <typename T, typename C, typename Copy>
void for_slice(const Maps<T>& maps, int64_t n, int64_t first, int64_t size, C* cells, Copy&& copy) {
  for (int64_t y = 0; y < maps.height; ++y) {
    for (int64_t x = 0; x < maps.width; x += 64) {
      const int64_t last = std::min<int64_t>(64, maps.width - x);
      T* at = maps.at(n, first, y, x);
      C* cell = cells + (y * maps.width + x) * size;
      if (maps.channel_stride == 1) {
        for (int64_t i = 0; i < last; ++i) {
          for (int64_t c = 0; c < size; ++c)
            copy(at[i * maps.column_stride + c], cell[i * size + c]);
        }
      } else {
        for (int64_t c = 0; c < size; ++c) {
          T* row = at + c * maps.channel_stride;
          for (int64_t i = 0; i < last; ++i) copy(row[i * maps.column_stride], cell[i * size + c]);
        }
      }
    }
  }
}

template <typename T, typename C>
EDUDET_CLONES static void gather_channels(const Maps<const T>& maps, int64_t n, int64_t first,
                                          int64_t size, C* cells) {
  for_slice(maps, n, first, size, cells, [](const T& from, C& to) { to = widen(from); });
}

template <typename T, typename C>
EDUDET_CLONES static void spread_channels(const C* cells, int64_t size, const Maps<T>& maps,
                                          int64_t n, int64_t first) {
  for_slice(maps, n, first, size, cells, [](T& to, const C& from) { to = narrow<T>(from); });
}

template <typename C, typename T>
int64_t slice_size(const Maps<T>& maps) {
  const bool fits = maps.height * maps.width * kWide<C> * int64_t(sizeof(C)) <= kCacheBytes;
  return fits ? kWide<C> : kNarrow<C>;
}

template <typename T>
int64_t num_slices(const Maps<T>& maps, int64_t size) {
  return (maps.channels + size - 1) / size;
}

template <typename T>
Slice<T> slice_of(const Maps<T>& maps, int64_t n, int64_t first, int64_t size) {
  return {maps.at(n, first, 0, 0), maps.row_stride, maps.column_stride, maps.channel_stride, size};
}

}  // namespace edudet::cpu

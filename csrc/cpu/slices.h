// Slices of channels, copied so that the channels of a cell lie side by side and fill vectors.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

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

// The rows of a map in one, where nothing lies between them: longer inner loops.
template <typename T>
Maps<T> in_one_row(const Maps<T>& maps) {
  if (maps.row_stride != maps.width * maps.column_stride) return maps;
  Maps<T> row = maps;
  row.width = maps.height * maps.width, row.height = 1;
  return row;
}

// Two halves of a deck of 256 cards, one card of each at a time: rotates the 8 bits of a card's
// place by one.
template <typename C>
inline void riffle(const C* __restrict from, C* __restrict to) {
  for (int i = 0; i < 128; ++i) to[2 * i] = from[i], to[2 * i + 1] = from[128 + i];
}

// 16 rows of 16: after four rotations the bits of row and column have changed places. Vectorises,
// where a copy of one number at a time would not.
template <typename C>
inline void transpose_16(C* numbers) {
  alignas(64) C others[256];
  riffle(numbers, others), riffle(others, numbers);
  riffle(numbers, others), riffle(others, numbers);
}

// Copies `size` channels of image n of `maps`, from channel `first`, to cells that hold those
// channels side by side (kGather), or back; copy(from, to) converts a number. Planes are copied in
// squares of 16 channels by 16 cells, 64 cells at a time: a few lines of every plane, and what they
// become stays in the innermost cache.
template <bool kGather, typename T, typename C, typename Copy>
void copy_slice(const Maps<T>& any_maps, int64_t n, int64_t first, int64_t size, C* cells,
                Copy&& copy) {
  const Maps<T> maps = in_one_row(any_maps);
  const int64_t step = maps.channel_stride, pitch = maps.column_stride;
  const auto copy_one = [&](T& of_maps, C& of_cells) {
    if constexpr (kGather) {
      copy(of_maps, of_cells);
    } else {
      copy(of_cells, of_maps);
    }
  };
  const auto copy_square = [&](T* from_maps, C* of_cells) {
    alignas(64) std::remove_const_t<C> square[256];
    for (int c = 0; c < 16; ++c) {
      for (int i = 0; i < 16; ++i) {
        if constexpr (kGather) {
          copy(from_maps[c * step + i], square[16 * c + i]);
        } else {
          square[16 * c + i] = of_cells[c * size + i];  // here c counts cells
        }
      }
    }
    transpose_16(square);
    for (int c = 0; c < 16; ++c) {
      for (int i = 0; i < 16; ++i) {
        if constexpr (kGather) {
          of_cells[c * size + i] = square[16 * c + i];
        } else {
          copy(square[16 * c + i], from_maps[c * step + i]);
        }
      }
    }
  };
  for (int64_t y = 0; y < maps.height; ++y) {
    for (int64_t x = 0; x < maps.width; x += 64) {
      const int64_t last = std::min<int64_t>(64, maps.width - x);
      T* at = maps.at(n, first, y, x);
      C* cell = cells + (y * maps.width + x) * size;
      if (step == 1) {
        for (int64_t i = 0; i < last; ++i) {
          for (int64_t c = 0; c < size; ++c) copy_one(at[i * pitch + c], cell[i * size + c]);
        }
        continue;
      }
      int64_t c = 0;
      for (; pitch == 1 && c + 16 <= size; c += 16) {
        int64_t i = 0;
        for (; i + 16 <= last; i += 16) copy_square(at + c * step + i, cell + i * size + c);
        for (; i < last; ++i) {
          for (int64_t k = c; k < c + 16; ++k) copy_one(at[k * step + i], cell[i * size + k]);
        }
      }
      for (; c < size; ++c) {
        for (int64_t i = 0; i < last; ++i) copy_one(at[c * step + i * pitch], cell[i * size + c]);
      }
    }
  }
}

template <typename T, typename C>
EDUDET_CLONES static void gather_channels(const Maps<const T>& maps, int64_t n, int64_t first,
                                          int64_t size, C* cells) {
  copy_slice<true>(maps, n, first, size, cells, [](const T& from, C& to) { to = widen(from); });
}

template <typename T, typename C>
EDUDET_CLONES static void spread_channels(const C* cells, int64_t size, const Maps<T>& maps,
                                          int64_t n, int64_t first) {
  copy_slice<false>(maps, n, first, size, cells,
                    [](const C& from, T& to) { to = narrow<T>(from); });
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

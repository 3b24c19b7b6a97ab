// Feature maps as tensors: their layout, and new ones.
#pragma once

#include <optional>

#include "../common/maps.h"
#include "tensor.h"

namespace edudet {

template <typename T>
Maps<T> maps_of(T* data, const Tensor& t) {
  return {data,        t.size(0),   t.size(1),   t.size(2),  t.size(3),
          t.stride(0), t.stride(1), t.stride(2), t.stride(3)};
}

// Dense, channels side by side, and not at once the other layout (as with one channel).
inline bool is_channels_last(const Tensor& t) {
  const Tensor moved = torch::stable::transpose(torch::stable::transpose(t, 1, 2), 2, 3);
  return moved.is_contiguous() && !t.is_contiguous();
}

// The same maps with their channels side by side in memory; without a copy if they are already.
inline Tensor with_channels_last(const Tensor& t) {
  using torch::stable::transpose;
  const Tensor memory = torch::stable::contiguous(transpose(transpose(t, 1, 2), 2, 3));
  return transpose(transpose(memory, 2, 3), 1, 2);
}

// Of the dtype of `like`, if no other is given.
inline Tensor new_maps(const Tensor& like, int64_t n, int64_t c, int64_t h, int64_t w,
                       bool channels_last, std::optional<ScalarType> dtype = std::nullopt) {
  const Tensor memory = channels_last ? torch::stable::new_empty(like, {n, h, w, c}, dtype)
                                      : torch::stable::new_empty(like, {n, c, h, w}, dtype);
  prefer_big_pages(memory);
  if (!channels_last) return memory;
  return torch::stable::transpose(torch::stable::transpose(memory, 2, 3), 1, 2);
}

}  // namespace edudet

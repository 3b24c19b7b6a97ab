// Contract of soft_argmax: the mean position in a map, weighted by the softmax of beta * map.
//   maps (num_maps, depth, height, width): contiguous, at least one cell each.
//   out (num_maps, axes): x, then y, then z; in float32 for 16-bit maps.
//   softmax (num_maps, 2 + axes): what the backward pass needs to know: the largest value, the sum
//   of exp(beta * (value - largest)), and the mean position in cells.
// Cells of value -inf have weight 0; where the largest value or beta is infinite, the cells of the
// largest value alone have weight 1. NaN spreads over its map. The caller owns all memory.
#pragma once
#include <cstdint>

#include "common/half.h"

namespace edudet {

struct MapShape {
  int64_t depth, height, width, axes;
  bool normalized;  // positions in [-1, 1] from edge to edge, not in cells

  int64_t cells() const { return depth * height * width; }
  int64_t state_size() const { return 2 + axes; }  // numbers of `softmax` for one map
};

namespace cpu {

// Maps [begin, end).
template <typename T>
void soft_argmax(const T* maps, const MapShape& shape, double beta, compute_t<T>* out,
                 compute_t<T>* softmax, int64_t begin, int64_t end);

// grad (num_maps, axes) -> grad_maps, written in full.
template <typename T>
void soft_argmax_backward(const compute_t<T>* grad, const T* maps, const compute_t<T>* softmax,
                          const MapShape& shape, double beta, T* grad_maps, int64_t begin,
                          int64_t end);

}  // namespace cpu
}  // namespace edudet

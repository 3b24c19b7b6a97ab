// Bilinear interpolation on a feature map, one axis at a time: the weight of a cell at a point is
// the product of its weight along y and its weight along x.
//
// Position p of an axis lies p cells from the centre of cell 0: there the map has the value of
// cell p where p is whole, and between two cells a mix of them.
#pragma once

#include <cstdint>

#include "host_device.h"

namespace edudet {

// The two cells around a position and how much each counts. `outside`: the position is more than
// one cell from the map, and nothing counts.
template <typename T>
struct AxisTaps {
  int64_t low, high;
  T weight_low, weight_high;
  bool outside;
};

// In the outermost cell on either side, and up to one cell beyond, the map goes on as a constant.
template <typename T>
EDUDET_HD AxisTaps<T> axis_taps(T position, int64_t cells) {
  if (!(position >= T(-1) && position <= T(cells))) return {0, 0, T(0), T(0), true};  // and NaN
  if (position < T(0)) position = T(0);
  const int64_t low = int64_t(position);
  if (low >= cells - 1) return {cells - 1, cells - 1, T(1), T(0), false};
  const T weight_high = position - T(low);
  return {low, low + 1, T(1) - weight_high, weight_high, false};
}

}  // namespace edudet

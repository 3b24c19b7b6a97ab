// Where a normalised coordinate reads an axis of the input, and with which weights. The weight of a
// pixel is the product of its weights along the axes. The definition in Python:
// edudet/ops/sampling_weights.py; this is the same arithmetic, without branches.
#pragma once

#include <cmath>
#include <cstdint>

#include "host_device.h"

namespace edudet {

enum class Sampling { bilinear, nearest, bicubic };
enum class Padding { zeros, border, reflection };

constexpr int kMostAxes = 3, kMostAxisTaps = 4, kMostTaps = 16;  // bicubic: 4 x 4, but no volumes

constexpr int axis_taps_of(Sampling mode) {
  return mode == Sampling::nearest ? 1 : mode == Sampling::bilinear ? 2 : 4;
}
constexpr int taps_of(Sampling mode, int axes) {
  const int taps = axis_taps_of(mode);
  return axes == 3 ? taps * taps * taps : taps * taps;
}

// An axis of `count` pixels: [-1, 1] is mapped to cells, counted from the centre of cell 0.
template <typename C>
struct GridAxis {
  C last, scale, shift;  // last: the number of the last cell

  EDUDET_HD GridAxis(C count, bool align_corners)
      : last(count - C(1)),
        scale((align_corners ? last : count) / C(2)),
        shift(align_corners ? C(0) : C(0.5)) {}
  EDUDET_HD C position(C coordinate) const { return (coordinate + C(1)) * scale - shift; }
};

// The position folded or clamped into the axis. `slope` is multiplied by the derivative of that:
// -1 where folded an odd number of times, 0 where clamped. NaN becomes cell 0.
template <Padding P, typename C>
EDUDET_HD C pad(const GridAxis<C>& axis, C position, C& slope) {
  if (P == Padding::zeros) return position;
  if (P == Padding::reflection) {
    const C mirror = -axis.shift, span = C(2) * axis.scale;  // from one mirror to the other
    const bool before = !(position >= mirror);
    C distance = before ? mirror - position : position - mirror;
    distance = distance - C(2) * span * std::floor(distance / (C(2) * span));  // NaN if span is 0
    const bool after = distance > span;
    distance = after ? C(2) * span - distance : distance;
    position = distance + mirror;
    slope = (before ? -slope : slope) * (after ? C(-1) : C(1));
  }
  const bool positive = position > C(0), below = position < axis.last;
  slope = positive && below ? slope : C(0);
  position = positive ? position : C(0);
  return position < axis.last ? position : axis.last;
}

template <typename C>
EDUDET_HD C cubic_near(C d) {
  return (C(1.25) * d - C(2.25)) * d * d + C(1);
}
template <typename C>
EDUDET_HD C cubic_far(C d) {
  return ((C(-0.75) * d + C(3.75)) * d - C(6)) * d + C(3);
}
template <typename C>
EDUDET_HD C cubic_near_slope(C d) {
  return (C(3.75) * d - C(4.5)) * d;
}
template <typename C>
EDUDET_HD C cubic_far_slope(C d) {
  return (C(-2.25) * d + C(7.5)) * d - C(6);
}

// The cells that a coordinate reads, -1 where it reads 0 instead, with their weights and the
// derivatives of these by the coordinate.
template <Sampling M, typename C>
struct GridTaps {
  static constexpr int kTaps = axis_taps_of(M);
  int32_t cells[kTaps];
  C weights[kTaps], slopes[kTaps];
};

template <typename C>
EDUDET_HD int32_t cell_of(const GridAxis<C>& axis, C position) {
  return position >= C(0) && position <= axis.last ? int32_t(position) : -1;  // -1 if NaN
}

template <Sampling M, Padding P, typename C>
EDUDET_HD GridTaps<M, C> grid_taps(const GridAxis<C>& axis, C coordinate) {
  GridTaps<M, C> taps;
  C position = axis.position(coordinate), slope = axis.scale;
  if constexpr (M == Sampling::nearest) {
    taps.cells[0] = cell_of(axis, std::rint(pad<P>(axis, position, slope)));  // half: to even
    taps.weights[0] = C(1), taps.slopes[0] = C(0);
  } else if constexpr (M == Sampling::bilinear) {
    position = pad<P>(axis, position, slope);
    const C low = std::floor(position), t = position - low;
    taps.cells[0] = cell_of(axis, low), taps.cells[1] = cell_of(axis, low + C(1));
    taps.weights[0] = C(1) - t, taps.weights[1] = t;
    taps.slopes[0] = -slope, taps.slopes[1] = slope;
  } else {
    const C low = std::floor(position), t = position - low;
    C unused = C(0);
    for (int k = 0; k < 4; ++k) taps.cells[k] = cell_of(axis, pad<P>(axis, low + C(k - 1), unused));
    taps.weights[0] = cubic_far(t + C(1)), taps.weights[1] = cubic_near(t);
    taps.weights[2] = cubic_near(C(1) - t), taps.weights[3] = cubic_far(C(2) - t);
    taps.slopes[0] = slope * cubic_far_slope(t + C(1));
    taps.slopes[1] = slope * cubic_near_slope(t);
    taps.slopes[2] = -slope * cubic_near_slope(C(1) - t);
    taps.slopes[3] = -slope * cubic_far_slope(C(2) - t);
  }
  return taps;
}

// Batch, channels, and the sides of input and output, depth first; images have a depth of 1.
struct GridShape {
  int64_t images, channels;
  int axes;  // 2 or 3
  int64_t in[kMostAxes], out[kMostAxes];
  bool align_corners;

  EDUDET_HD int64_t in_cells() const { return in[0] * in[1] * in[2]; }
  EDUDET_HD int64_t out_cells() const { return out[0] * out[1] * out[2]; }
  // The axis of coordinate a of a point: 0 is x.
  template <typename C>
  EDUDET_HD GridAxis<C> axis(int a) const {
    return GridAxis<C>(C(in[kMostAxes - 1 - a]), align_corners);
  }
};

}  // namespace edudet

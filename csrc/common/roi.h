// Where a region of interest (RoI) lies on a feature map, and where its bins are sampled.
#pragma once

#include <cmath>
#include <cstdint>

#include "box.h"
#include "host_device.h"

namespace edudet {

// How every RoI is divided: rows x columns bins.
struct RoiGrid {
  int64_t rows, columns;
  double spatial_scale;
  int64_t sampling_ratio;  // samples along a side of a bin; <= 0: about one a cell
  bool aligned;
};

// A bin sampled more densely is a mistake, or an attack: the work grows with the square.
constexpr int kMostSamples = 4096;

// One axis of a RoI: its bins follow each other from `start`, in the positions of bilinear.h.
template <typename T>
struct RoiAxis {
  T start, bin;
  int64_t samples;  // in a bin

  EDUDET_HD T position(int64_t i, int64_t sample) const {
    return start + T(i) * bin + (T(sample) + T(0.5)) * bin / T(samples);
  }
};

// scale, samples: of RoIAlign; far: of RoI pooling (snapped_roi.h).
enum class RoiFault { none, image, box, scale, samples, far };

template <typename T>
struct Roi {
  RoiFault fault;
  int64_t image;
  RoiAxis<T> y, x;

  // Samples in a bin; 1 if there are none, as it divides their sum.
  EDUDET_HD T count() const {
    const int64_t samples = y.samples * x.samples;
    return T(samples > 1 ? samples : 1);
  }
};

// `fault` tells more samples than kMostSamples from positions that are not finite.
template <typename T>
EDUDET_HD RoiAxis<T> roi_axis(T low, T high, int64_t bins, const RoiGrid& grid, RoiFault& fault) {
  // Aligned: a cell's value is that of its centre, and the centre of cell 0 is at pixel 0.5.
  const T offset = grid.aligned ? T(0.5) : T(0);
  const T start = low * T(grid.spatial_scale) - offset;
  const T length = high * T(grid.spatial_scale) - offset - start;
  const T bin = (grid.aligned ? length : larger(length, T(1))) / T(bins);
  if (!(length - length == T(0) && start - start == T(0))) fault = RoiFault::scale;
  if (grid.sampling_ratio > 0) return {start, bin, grid.sampling_ratio};
  const T samples = T(ceil(bin));
  if (samples <= T(kMostSamples)) return {start, bin, int64_t(samples)};
  if (fault == RoiFault::none) fault = RoiFault::samples;
  return {start, bin, 0};
}

template <typename T>
EDUDET_HD bool is_index(T value, int64_t count) {
  return value >= T(0) && value < T(count) && T(int64_t(value)) == value;
}

// roi: image index, x1, y1, x2, y2.
template <typename T>
EDUDET_HD Roi<T> place_roi(const T* roi, int64_t images, const RoiGrid& grid) {
  Roi<T> placed = {RoiFault::none, 0, {}, {}};
  const Box<T> box = load_box(roi + 1);
  if (!is_index(roi[0], images)) {
    placed.fault = RoiFault::image;
  } else if (!is_valid(box)) {
    placed.fault = RoiFault::box;
  } else {
    placed.image = int64_t(roi[0]);
    placed.y = roi_axis(box.y1, box.y2, grid.rows, grid, placed.fault);
    placed.x = roi_axis(box.x1, box.x2, grid.columns, grid, placed.fault);
  }
  return placed;
}

}  // namespace edudet

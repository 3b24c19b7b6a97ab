// Where RoI pooling finds a region of interest on a feature map: snapped to whole cells, its bins
// to whole cells again. All in integers, so that every machine agrees.
#pragma once

#include <cmath>
#include <cstdint>

#include "roi.h"

namespace edudet {

// [begin, end)
struct CellRange {
  int64_t begin, end;
};

// `whole` cells in a row are divided into `parts`: the cells that part i touches. Neighbours share
// a cell where the division does not come out even. The other way round, with `whole` and `parts`
// exchanged, these are the parts that touch cell i.
EDUDET_HD CellRange share_of(int64_t i, int64_t parts, int64_t whole) {
  return {i * whole / parts, ((i + 1) * whole + parts - 1) / parts};
}

// So far from cell 0, at most, that share_of cannot overflow.
constexpr int64_t kFarthest = int64_t(1) << 30;

// One axis of a RoI: `length` cells from cell `first`, which may lie outside the map.
struct SnappedAxis {
  int64_t first, length;

  // The cells of bin i that the map has.
  EDUDET_HD CellRange cells_of(int64_t i, int64_t bins, int64_t cells) const {
    const CellRange share = share_of(i, bins, length);
    const int64_t begin = first + share.begin, end = first + share.end;
    return {begin < 0 ? 0 : begin, end > cells ? cells : end};
  }
  // The bins that touch cells [begin, end) of the map.
  EDUDET_HD CellRange bins_of(int64_t begin, int64_t end, int64_t bins) const {
    begin = begin < first ? 0 : begin - first;
    end = end - first > length ? length : end - first;
    if (begin >= end) return {0, 0};
    return {share_of(begin, length, bins).begin, share_of(end - 1, length, bins).end};
  }
};

// How every RoI is divided: rows x columns bins.
struct RoiBins {
  int64_t rows, columns;
  double spatial_scale;
};

struct SnappedRoi {
  RoiFault fault;
  int64_t image;
  SnappedAxis y, x;
};

// The last cell counts whole: a RoI is at least one cell. `round` takes halves away from 0.
template <typename T>
EDUDET_HD SnappedAxis snap_axis(T low, T high, T spatial_scale, RoiFault& fault) {
  const T first = T(round(low * spatial_scale)), last = T(round(high * spatial_scale));
  if (!(first >= T(-kFarthest) && last <= T(kFarthest))) {
    fault = RoiFault::far;
    return {0, 1};
  }
  return {int64_t(first), int64_t(last) - int64_t(first) + 1};
}

// roi: image index, x1, y1, x2, y2.
template <typename T>
EDUDET_HD SnappedRoi snap_roi(const T* roi, int64_t images, const RoiBins& grid) {
  SnappedRoi snapped = {RoiFault::none, 0, {0, 1}, {0, 1}};
  const Box<T> box = load_box(roi + 1);
  if (!is_index(roi[0], images)) {
    snapped.fault = RoiFault::image;
  } else if (!is_valid(box)) {
    snapped.fault = RoiFault::box;
  } else {
    snapped.image = int64_t(roi[0]);
    snapped.y = snap_axis(box.y1, box.y2, T(grid.spatial_scale), snapped.fault);
    snapped.x = snap_axis(box.x1, box.x2, T(grid.spatial_scale), snapped.fault);
  }
  return snapped;
}

}  // namespace edudet

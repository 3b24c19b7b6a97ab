// The checks of, and the complaint about, a region of interest, in the words of
// edudet/boxes/rois.py.
#pragma once

#include "../common/snapped_roi.h"
#include "boxes.h"

namespace edudet {

// What memory safety needs of (K, 5) RoIs beside maps.
inline void check_rois_beside(const char* op, const Tensor& maps, const Tensor& rois) {
  require(rois.dim() == 2 && rois.size(1) == 5, op, ": boxes must have shape (K, 5)");
  require(rois.device() == maps.device(), op, ": boxes must be on the device of input");
  const bool is_double = maps.scalar_type() == ScalarType::Double;
  require(rois.scalar_type() == (is_double ? ScalarType::Double : ScalarType::Float), op,
          ": boxes must be float64 for a float64 input, else float32");
}

// `roi`: image index, x1, y1, x2, y2; number k of its argument.
template <typename T>
[[noreturn]] void fail_for_roi(const char* op, RoiFault fault, int64_t k, const T* roi,
                               int64_t images) {
  const std::string index = std::to_string(k);
  if (fault == RoiFault::box) fail_for_box(op, "boxes", index, roi + 1);
  std::ostringstream box;
  box << "[" << roi[1] << ", " << roi[2] << ", " << roi[3] << ", " << roi[4] << "]";
  if (fault == RoiFault::image) {
    fail(op, ": boxes[", index, "] must have an image index in 0, ..., ", images - 1, ", got ",
         roi[0]);
  } else if (fault == RoiFault::scale) {
    fail(op, ": boxes[", index, "] must stay finite when multiplied by spatial_scale, got ",
         box.str());
  } else if (fault == RoiFault::far) {
    fail(op, ": boxes[", index, "] must stay within ", kFarthest,
         " cells when multiplied by spatial_scale, got ", box.str(), ": is spatial_scale right?");
  }
  fail(op, ": boxes[", index, "] must need at most ", kMostSamples, " samples along a bin, got ",
       box.str(), ": are spatial_scale and output_size right? A sampling_ratio sets their number");
}

}  // namespace edudet

// The complaint about a region of interest, in the words of edudet/boxes/rois.py.
#pragma once

#include "../common/roi.h"
#include "boxes.h"

namespace edudet {

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
  }
  fail(op, ": boxes[", index, "] must need at most ", kMostSamples, " samples along a bin, got ",
       box.str(), ": are spatial_scale and output_size right? A sampling_ratio sets their number");
}

}  // namespace edudet

// A batch of feature maps, or of what was pooled from them, in any layout.
#pragma once

#include <cstdint>

#include "host_device.h"

namespace edudet {

template <typename T>
struct Maps {
  T* data;
  int64_t images, channels, height, width;
  int64_t image_stride, channel_stride, row_stride, column_stride;

  EDUDET_HD T* at(int64_t n, int64_t c, int64_t y, int64_t x) const {
    return data + n * image_stride + c * channel_stride + y * row_stride + x * column_stride;
  }
};

}  // namespace edudet

// RoIAlign: the mean of bilinear samples in every bin of every box.
//   input (maps, channels, height, width), contiguous.
//   boxes (num_boxes, 5): number of the map, x1, y1, x2, y2 in pixels of the image.
//   out (num_boxes, channels, rows, columns), contiguous, to be filled in.
#pragma once
#include <cstdint>

extern "C" void roi_align(const float* input, int64_t channels, int64_t height, int64_t width,
                          const float* boxes, int64_t num_boxes, int64_t rows, int64_t columns,
                          float spatial_scale, int64_t sampling_ratio, float* out);

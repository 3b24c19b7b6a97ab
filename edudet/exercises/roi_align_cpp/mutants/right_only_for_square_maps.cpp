// One output after the other, one sample after the other.
#include "roi_align.h"

#include <algorithm>

static float value_at(const float* plane, int64_t height, int64_t width, float y, float x) {
  if (y < -1 || y > height || x < -1 || x > width) return 0;
  y = std::min(std::max(y, 0.0f), float(height - 1));
  x = std::min(std::max(x, 0.0f), float(width - 1));
  const int64_t top = int64_t(y), left = int64_t(x);
  const int64_t bottom = std::min(top + 1, height - 1), right = std::min(left + 1, width - 1);
  const float down = y - top, across = x - left;
  const float *upper = plane + top * height, *lower = plane + bottom * height;
  return (1 - down) * ((1 - across) * upper[left] + across * upper[right]) +
         down * ((1 - across) * lower[left] + across * lower[right]);
}

void roi_align(const float* input, int64_t channels, int64_t height, int64_t width,
               const float* boxes, int64_t num_boxes, int64_t rows, int64_t columns,
               float spatial_scale, int64_t sampling_ratio, float* out) {
  for (int64_t k = 0; k < num_boxes; ++k) {
    const float* box = boxes + 5 * k;
    const float x1 = box[1] * spatial_scale - 0.5f, y1 = box[2] * spatial_scale - 0.5f;
    const float step_x = (box[3] - box[1]) * spatial_scale / (columns * sampling_ratio);
    const float step_y = (box[4] - box[2]) * spatial_scale / (rows * sampling_ratio);
    for (int64_t c = 0; c < channels; ++c) {
      const float* plane = input + (int64_t(box[0]) * channels + c) * height * width;
      for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < columns; ++j) {
          float sum = 0;
          for (int64_t a = i * sampling_ratio; a < (i + 1) * sampling_ratio; ++a) {
            for (int64_t b = j * sampling_ratio; b < (j + 1) * sampling_ratio; ++b) {
              sum += value_at(plane, height, width, y1 + (a + 0.5f) * step_y,
                              x1 + (b + 0.5f) * step_x);
            }
          }
          *out++ = sum / (sampling_ratio * sampling_ratio);
        }
      }
    }
  }
}

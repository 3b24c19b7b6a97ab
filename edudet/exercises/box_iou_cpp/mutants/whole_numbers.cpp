#include "box_iou.h"

#include <algorithm>

void box_iou(const float* boxes1, int64_t n, const float* boxes2, int64_t m, float* out) {
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < m; ++j) {
      const float *a = boxes1 + 4 * i, *b = boxes2 + 4 * j;
      const float width = std::max(std::min(a[2], b[2]) - std::max(a[0], b[0]), 0.0f);
      const float height = std::max(std::min(a[3], b[3]) - std::max(a[1], b[1]), 0.0f);
      const int inter = int(width * height);
      const float total = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]);
      out[i * m + j] = total > inter ? inter / int(total - inter) : 0.0f;
    }
  }
}

// Each candidate against the boxes kept so far.
#include "nms.h"

#include <algorithm>
#include <numeric>
#include <vector>

static float iou(const float* a, const float* b) {
  const float width = std::max(std::min(a[2], b[2]) - std::max(a[0], b[0]), 0.0f);
  const float height = std::max(std::min(a[3], b[3]) - std::max(a[1], b[1]), 0.0f);
  const float inter = width * height;
  const float total = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter;
  return total > 0 ? inter / total : 0.0f;
}

int64_t nms(const float* boxes, const float* scores, int64_t n, float iou_threshold,
            int64_t* keep) {
  std::vector<int64_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t i, int64_t j) { return scores[i] > scores[j]; });
  int64_t num_kept = 0;
  for (int64_t i : order) {
    bool suppressed = false;
    for (int64_t k = 0; k < num_kept && !suppressed; ++k) {
      suppressed = iou(boxes + 4 * keep[k], boxes + 4 * i) > iou_threshold;
    }
    if (!suppressed) keep[num_kept++] = i;
  }
  return n;
}

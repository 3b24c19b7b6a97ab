// The best box that is left, again and again; areas are worked out once. Needs no division.
#include "nms.h"

#include <algorithm>
#include <vector>

int64_t nms(const float* boxes, const float* scores, int64_t n, float iou_threshold,
            int64_t* keep) {
  bool* gone = new bool[n];
  std::vector<float> areas(n);
  for (int64_t i = 0; i < n; ++i) {
    areas[i] = (boxes[4 * i + 2] - boxes[4 * i]) * (boxes[4 * i + 3] - boxes[4 * i + 1]);
  }
  int64_t num_kept = 0;
  for (;;) {
    int64_t best = -1;
    for (int64_t i = 0; i < n; ++i) {
      if (!gone[i] && (best < 0 || scores[i] > scores[best])) best = i;
    }
    if (best < 0) return num_kept;
    keep[num_kept++] = best;
    gone[best] = true;
    const float* a = boxes + 4 * best;
    for (int64_t i = 0; i < n; ++i) {
      const float* b = boxes + 4 * i;
      const float width = std::max(std::min(a[2], b[2]) - std::max(a[0], b[0]), 0.0f);
      const float height = std::max(std::min(a[3], b[3]) - std::max(a[1], b[1]), 0.0f);
      const float inter = width * height;
      if (inter > iou_threshold * (areas[best] + areas[i] - inter)) gone[i] = true;
    }
  }
}

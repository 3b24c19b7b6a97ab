#include "box_iou.h"

#include <algorithm>
#include <vector>

namespace {

struct Box {
  float x1, y1, x2, y2;
  float area() const { return (x2 - x1) * (y2 - y1); }
};

Box common(const Box& a, const Box& b) {
  const Box box{std::max(a.x1, b.x1), std::max(a.y1, b.y1), std::min(a.x2, b.x2),
                std::min(a.y2, b.y2)};
  return box.x2 > box.x1 && box.y2 > box.y1 ? box : Box{0, 0, 0, 0};
}

std::vector<Box> read(const float* numbers, int64_t count) {
  std::vector<Box> boxes;
  for (int64_t i = 0; i < count; ++i, numbers += 4) {
    boxes.push_back({numbers[0], numbers[1], numbers[2], numbers[3]});
  }
  return boxes;
}

}  // namespace

void box_iou(const float* boxes1, int64_t n, const float* boxes2, int64_t m, float* out) {
  const std::vector<Box> others = read(boxes2, m);
  for (const Box& a : read(boxes1, n)) {
    for (const Box& b : others) {
      const float inter = common(a, b).area(), together = a.area() + b.area() - inter;
      *out++ = together > 0 ? inter / together : 0;
    }
  }
}

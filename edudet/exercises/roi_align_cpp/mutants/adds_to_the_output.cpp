// The weight of a cell in a bin is (weight of its row) * (weight of its column), and the same for
// all channels: both are worked out once for each box.
#include "roi_align.h"

#include <algorithm>
#include <vector>

namespace {

struct Tap {
  int64_t bin, cell;
  float weight;
};

std::vector<Tap> taps_of(float low, float high, int64_t bins, int64_t samples, int64_t cells) {
  std::vector<Tap> taps;
  const float step = (high - low) / (bins * samples);
  for (int64_t s = 0; s < bins * samples; ++s) {
    float at = low + (s + 0.5f) * step;
    if (at < -1 || at > cells) continue;
    at = std::min(std::max(at, 0.0f), float(cells - 1));
    const int64_t cell = std::min(int64_t(at), std::max<int64_t>(cells - 2, 0));
    const float next = at - cell;
    taps.push_back({s / samples, cell, (1 - next) / samples});
    if (next > 0) taps.push_back({s / samples, cell + 1, next / samples});
  }
  return taps;
}

}  // namespace

void roi_align(const float* input, int64_t channels, int64_t height, int64_t width,
               const float* boxes, int64_t num_boxes, int64_t rows, int64_t columns,
               float spatial_scale, int64_t sampling_ratio, float* out) {
  for (int64_t k = 0; k < num_boxes; ++k) {
    float sides[4];
    for (int side = 0; side < 4; ++side) {
      sides[side] = boxes[5 * k + 1 + side] * spatial_scale - 0.5f;
    }
    const auto across = taps_of(sides[0], sides[2], columns, sampling_ratio, width);
    const auto down = taps_of(sides[1], sides[3], rows, sampling_ratio, height);
    const float* map = input + int64_t(boxes[5 * k]) * channels * height * width;
    for (int64_t c = 0; c < channels; ++c, map += height * width, out += rows * columns) {
      for (const Tap& y : down) {
        for (const Tap& x : across) {
          out[y.bin * columns + x.bin] += y.weight * x.weight * map[y.cell * width + x.cell];
        }
      }
    }
  }
}

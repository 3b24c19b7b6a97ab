// Smooth the planes; weigh the edges; sort them; join pixels along them, lightest first.
//
// Smoothing and weights are vector loops over a row. The sort is a counting sort by 11 bits at a
// time, stable, of the weights' bits: they are not negative, so these are in the order of the
// numbers. It does not depend on the scale, so several scales cost one sort.
#include "../felzenszwalb.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "../common/host_device.h"

namespace edudet::cpu {
namespace {

struct Edge {
  uint32_t key;   // the bits of the weight
  uint32_t name;  // pixel * 4 + which of its edges
};
constexpr int kDigit = 11, kPasses = 3;
using Counts = std::array<std::array<uint32_t, 1 << kDigit>, kPasses>;

int64_t mirrored(int64_t y, int64_t n) {
  y %= 2 * n;
  if (y < 0) y += 2 * n;
  return y < n ? y : 2 * n - 1 - y;
}

EDUDET_CLONES void set_scaled(const float* in, float tap, int64_t n, float* __restrict out) {
  for (int64_t i = 0; i < n; ++i) out[i] = tap * in[i];
}
EDUDET_CLONES void add_scaled(const float* a, const float* b, float tap, int64_t n,
                              float* __restrict out) {
  for (int64_t i = 0; i < n; ++i) out[i] = out[i] + tap * (a[i] + b[i]);
}

// The distances of n pixels to n others; `plane` elements lie between two channels.
EDUDET_CLONES void distances(const float* a, const float* b, int64_t channels, int64_t plane,
                             int64_t n, float* __restrict out) {
  for (int64_t i = 0; i < n; ++i) out[i] = 0;
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t i = 0; i < n; ++i) {
      const float difference = a[c * plane + i] - b[c * plane + i];
      out[i] = out[i] + difference * difference;
    }
  }
  for (int64_t i = 0; i < n; ++i) out[i] = std::sqrt(out[i]);
}

class Grid {
 public:
  Grid(int64_t height, int64_t width) : height_(height), width_(width) {}

  int64_t size() const { return height_ * width_; }
  int64_t num_edges() const { return 4 * size() - 3 * height_ - 3 * width_ + 2; }
  // The other end of an edge: right, down left, down, down right.
  uint32_t head(uint32_t name) const {
    const uint32_t w = uint32_t(width_), step[4] = {1, w - 1, w, w + 1};
    return (name >> 2) + step[name & 3];
  }

  std::vector<Edge> weigh(const float* values, int64_t channels, Counts& counts) const {
    std::vector<Edge> edges(num_edges());
    std::vector<float> rows(4 * width_);
    float* w[4] = {&rows[0], &rows[width_], &rows[2 * width_], &rows[3 * width_]};
    Edge* next = edges.data();
    for (int64_t y = 0; y < height_; ++y) {
      const float* row = values + y * width_;
      distances(row, row + 1, channels, size(), width_ - 1, w[0]);
      const bool last = y + 1 == height_;
      if (!last) {
        distances(row + 1, row + width_, channels, size(), width_ - 1, w[1] + 1);
        distances(row, row + width_, channels, size(), width_, w[2]);
        distances(row, row + width_ + 1, channels, size(), width_ - 1, w[3]);
      }
      for (int64_t x = 0; x < width_; ++x) {
        const uint32_t name = uint32_t(y * width_ + x) * 4;
        const auto add = [&](int e) {
          uint32_t key;
          memcpy(&key, &w[e][x], sizeof key);
          *next++ = {key, name + e};
          for (int p = 0; p < kPasses; ++p) ++counts[p][key >> p * kDigit & ((1 << kDigit) - 1)];
        };
        if (x + 1 < width_) add(0);
        if (last) continue;
        if (x > 0) add(1);
        add(2);
        if (x + 1 < width_) add(3);
      }
    }
    return edges;
  }

 private:
  int64_t height_, width_;
};

void sort(std::vector<Edge>& edges, Counts& counts) {
  std::vector<Edge> sorted(edges.size());
  for (int p = 0; p < kPasses; ++p) {
    uint32_t begin = 0;
    for (uint32_t& count : counts[p]) begin += std::exchange(count, begin);
    for (const Edge edge : edges) {
      sorted[counts[p][edge.key >> p * kDigit & ((1 << kDigit) - 1)]++] = edge;
    }
    edges.swap(sorted);
  }
}

class Components {
 public:
  Components(int64_t n, double scale) : nodes_(n), limit_(n, scale), scale_(scale) {
    for (int64_t i = 0; i < n; ++i) nodes_[i] = {uint32_t(i), 1};
  }

  uint32_t root(uint32_t i) {
    while (nodes_[i].parent != i) i = nodes_[i].parent = nodes_[nodes_[i].parent].parent;
    return i;
  }
  // Whether the edge is a border, between two components that it does not join.
  bool join_unless_border(uint32_t i, uint32_t j, float weight) {
    const uint32_t a = root(i), b = root(j);
    if (a == b) return false;
    if (weight > limit_[a] || weight > limit_[b]) return true;
    const uint32_t joined = join(a, b);
    limit_[joined] = weight + scale_ / nodes_[joined].size;
    return false;
  }
  void join_if_small(uint32_t i, uint32_t j, int64_t min_size) {
    const uint32_t a = root(i), b = root(j);
    if (a != b && (nodes_[a].size < min_size || nodes_[b].size < min_size)) join(a, b);
  }
  void number(int64_t* labels) {
    const int64_t n = nodes_.size();
    std::vector<int64_t> number_of(n, -1);
    int64_t next = 0;
    for (int64_t i = 0; i < n; ++i) {
      int64_t& number = number_of[root(i)];
      if (number < 0) number = next++;
      labels[i] = number;
    }
  }

 private:
  struct Node {
    uint32_t parent, size;
  };

  uint32_t join(uint32_t a, uint32_t b) {
    if (nodes_[a].size < nodes_[b].size) std::swap(a, b);
    nodes_[b].parent = a;
    nodes_[a].size += nodes_[b].size;
    return a;
  }

  std::vector<Node> nodes_;
  std::vector<double> limit_;  // Int(C) + k / |C|, at the roots
  double scale_;
};

}  // namespace

void smooth(const float* in, int64_t height, int64_t width, const float* taps, int64_t num_taps,
            float* out) {
  const int64_t radius = num_taps - 1;
  std::vector<float> padded(width + 2 * radius);
  float* middle = padded.data() + radius;
  for (int64_t y = 0; y < height; ++y) {
    set_scaled(in + y * width, taps[0], width, middle);
    for (int64_t i = 1; i <= radius; ++i) {
      add_scaled(in + mirrored(y - i, height) * width, in + mirrored(y + i, height) * width,
                 taps[i], width, middle);
    }
    for (int64_t i = 1; i <= radius; ++i) {
      middle[-i] = middle[mirrored(-i, width)];
      middle[width - 1 + i] = middle[mirrored(width - 1 + i, width)];
    }
    set_scaled(middle, taps[0], width, out + y * width);
    for (int64_t i = 1; i <= radius; ++i) {
      add_scaled(middle - i, middle + i, taps[i], width, out + y * width);
    }
  }
}

void felzenszwalb(const float* values, int64_t channels, int64_t height, int64_t width,
                  const float* taps, int64_t num_taps, const double* scales,
                  const int64_t* min_sizes, int64_t num_scales, int64_t* labels) {
  const Grid grid(height, width);
  if (grid.size() == 0) return;
  std::vector<float> smoothed(channels * grid.size());
  for (int64_t c = 0; c < channels; ++c) {
    smooth(values + c * grid.size(), height, width, taps, num_taps, &smoothed[c * grid.size()]);
  }
  Counts counts{};
  std::vector<Edge> edges = grid.weigh(smoothed.data(), channels, counts);
  sort(edges, counts);
  std::vector<uint32_t> borders;  // the others can join nothing later
  for (int64_t s = 0; s < num_scales; ++s) {
    Components components(grid.size(), scales[s]);
    borders.clear();
    for (const Edge& edge : edges) {
      float weight;
      memcpy(&weight, &edge.key, sizeof weight);
      if (components.join_unless_border(edge.name >> 2, grid.head(edge.name), weight)) {
        borders.push_back(edge.name);
      }
    }
    for (const uint32_t name : borders) {
      components.join_if_small(name >> 2, grid.head(name), min_sizes[s]);
    }
    components.number(labels + s * grid.size());
  }
}

}  // namespace edudet::cpu

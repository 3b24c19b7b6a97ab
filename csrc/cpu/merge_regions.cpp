// Count what the regions look like; then merge the most similar neighbours, again and again.
//
// Histograms are counts of pixels: exact, whatever the order of additions. So are the overlaps of
// two histograms, summed in double with a common denominator: at most 2^25 pixels make at most
// 2^53. They are vector loops over eight sums; a merged region takes the row of one of its two.
// A pair belongs to the region that came later. Each region has a heap of its pairs, which goes
// when the region goes; one more heap holds the best pair of each. So a background that is merged
// with one spot after the other does not leave all its former pairs behind.
#include "../merge_regions.h"

#include <algorithm>
#include <cmath>
#include <queue>
#include <utility>
#include <vector>

#include "../common/host_device.h"
#include "../felzenszwalb.h"

namespace edudet::cpu {
namespace {

constexpr int kColourBins = 25, kTextureBins = 10, kDirections = 8;
constexpr int kLanes = 8;
constexpr int64_t padded(int64_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

struct Bounds {
  int64_t x1, y1, x2, y2;
  int64_t area() const { return (x2 - x1) * (y2 - y1); }
};
Bounds around(const Bounds& a, const Bounds& b) {
  return {std::min(a.x1, b.x1), std::min(a.y1, b.y1), std::max(a.x2, b.x2), std::max(a.y2, b.y2)};
}

struct Image {
  const int64_t* labels;
  const uint8_t* planes;
  int64_t channels, height, width;
  int64_t size() const { return height * width; }
};

// ---- What a region looks like -------------------------------------------------------------------

// One row of counts for each region: colour, padded with zeros, then texture, padded.
struct Histograms {
  Histograms(int64_t num_regions, int64_t channels)
      : colour(padded(channels * kColourBins)),
        row(colour + padded(channels * kDirections * kTextureBins)),
        counts(num_regions * row) {}
  int32_t* of(int64_t region) { return counts.data() + region * row; }
  int64_t colour, row;
  std::vector<int32_t> counts;
};

// The slopes of row y in four directions; the other four are their opposites.
EDUDET_CLONES void slopes(const float* above, const float* here, const float* below, int64_t width,
                          float* __restrict right, float* __restrict right_down,
                          float* __restrict down, float* __restrict left_down) {
  const float half = 0.70710678118654752f;
  for (int64_t x = 1; x + 1 < width; ++x) right[x] = here[x + 1] - here[x - 1];
  right[0] = here[std::min<int64_t>(1, width - 1)] - here[0];
  right[width - 1] = here[width - 1] - here[std::max<int64_t>(0, width - 2)];
  for (int64_t x = 0; x < width; ++x) {
    down[x] = below[x] - above[x];
    right_down[x] = (right[x] + down[x]) * half;
    left_down[x] = (down[x] - right[x]) * half;
  }
}

EDUDET_CLONES float steepest(const float* slope, int64_t n, float most) {
  float lanes[16] = {};
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    for (int l = 0; l < 16; ++l) {
      const float s = std::fabs(slope[i + l]);
      lanes[l] = s > lanes[l] ? s : lanes[l];
    }
  }
  for (; i < n; ++i) most = std::max(most, std::fabs(slope[i]));
  for (const float lane : lanes) most = std::max(most, lane);
  return most;
}

// The bin of each slope, negative where it is the opposite direction that rises.
EDUDET_CLONES void bins_of(const float* slope, float factor, int64_t n, int32_t* __restrict bins) {
  for (int64_t i = 0; i < n; ++i) {
    const float bin = std::fabs(slope[i]) * factor;
    const int32_t whole = int32_t(bin < kTextureBins - 1 ? bin : float(kTextureBins - 1));
    bins[i] = slope[i] < 0 ? -whole : whole;
  }
}

void count_texture(const Image& image, int64_t channel, const float* taps, int64_t num_taps,
                   Histograms& histograms) {
  const int64_t n = image.size(), width = image.width;
  std::vector<float> plane(n), smoothed(n), four(4 * n);
  for (int64_t i = 0; i < n; ++i) plane[i] = image.planes[channel * n + i];
  smooth(plane.data(), image.height, width, taps, num_taps, smoothed.data());
  for (int64_t y = 0; y < image.height; ++y) {
    const float* here = &smoothed[y * width];
    float* out = &four[4 * y * width];
    slopes(y > 0 ? here - width : here, here, y + 1 < image.height ? here + width : here, width,
           out, out + width, out + 2 * width, out + 3 * width);
  }
  const float most = steepest(four.data(), 4 * n, 0);
  const float factor = most > 0 ? kTextureBins / most : 0;
  std::vector<int32_t> bins(4 * width);
  const int64_t first = histograms.colour + channel * kDirections * kTextureBins;
  for (int64_t y = 0; y < image.height; ++y) {
    bins_of(&four[4 * y * width], factor, 4 * width, bins.data());
    for (int64_t x = 0; x < width; ++x) {
      int32_t* counts = histograms.of(image.labels[y * width + x]) + first;
      for (int k = 0; k < 4; ++k) {
        const int32_t bin = bins[k * width + x];
        if (bin > 0) ++counts[k * kTextureBins + bin];
        if (bin < 0) ++counts[(k + 4) * kTextureBins - bin];
      }
    }
  }
}

// Every pixel is in some bin of every direction: what is not counted is in bin 0.
void fill_first_bins(const std::vector<int64_t>& sizes, int64_t channels, Histograms& histograms) {
  for (size_t region = 0; region < sizes.size(); ++region) {
    int32_t* counts = histograms.of(region) + histograms.colour;
    for (int64_t d = 0; d < channels * kDirections; ++d, counts += kTextureBins) {
      counts[0] = int32_t(sizes[region]);
      for (int bin = 1; bin < kTextureBins; ++bin) counts[0] -= counts[bin];
    }
  }
}

void count_colour(const Image& image, Histograms& histograms) {
  for (int64_t c = 0; c < image.channels; ++c) {
    const uint8_t* plane = image.planes + c * image.size();
    for (int64_t i = 0; i < image.size(); ++i) {
      ++histograms.of(image.labels[i])[c * kColourBins + (plane[i] * kColourBins >> 8)];
    }
  }
}

struct Leaves {
  Leaves(const Image& image, int64_t num_regions)
      : sizes(num_regions), bounds(num_regions, {image.width, image.height, 0, 0}) {
    for (int64_t y = 0; y < image.height; ++y) {
      for (int64_t x = 0; x < image.width; ++x) {
        const int64_t region = image.labels[y * image.width + x];
        ++sizes[region];
        bounds[region] = around(bounds[region], {x, y, x + 1, y + 1});
      }
    }
  }
  std::vector<int64_t> sizes;
  std::vector<Bounds> bounds;
};

// Pairs of regions that touch at a side or a corner, the lower first, each once.
std::vector<std::pair<int32_t, int32_t>> touching(const Image& image) {
  std::vector<std::pair<int32_t, int32_t>> pairs;
  const int64_t width = image.width;
  for (int64_t y = 0; y < image.height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      const int64_t* here = image.labels + y * width + x;
      const auto add = [&](const int64_t* there) {
        if (*here == *there) return;
        const std::pair<int32_t, int32_t> pair(std::min(*here, *there), std::max(*here, *there));
        if (pairs.empty() || pairs.back() != pair) pairs.push_back(pair);
      };
      if (x + 1 < width) add(here + 1);
      if (y + 1 == image.height) continue;
      if (x > 0) add(here + width - 1);
      add(here + width);
      if (x + 1 < width) add(here + width + 1);
    }
  }
  std::sort(pairs.begin(), pairs.end());
  pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
  return pairs;
}

// ---- Merging ------------------------------------------------------------------------------------

// The sum over the bins of the smaller share, times size_a * size_b: a whole number.
EDUDET_CLONES double overlap(const int32_t* a, double size_a, const int32_t* b, double size_b,
                             int64_t n) {
  double sums[kLanes] = {};
  for (int64_t i = 0; i < n; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) {
      const double p = a[i + l] * size_b, q = b[i + l] * size_a;
      sums[l] += p < q ? p : q;
    }
  }
  double sum = 0;
  for (const double s : sums) sum += s;
  return sum;
}

EDUDET_CLONES void add_to(int32_t* __restrict a, const int32_t* __restrict b, int64_t n) {
  for (int64_t i = 0; i < n; ++i) a[i] += b[i];
}

struct Pair {
  double similarity;
  int32_t a, b;
  bool operator<(const Pair& other) const {  // the largest is merged first
    if (similarity != other.similarity) return similarity < other.similarity;
    return a != other.a ? a > other.a : b > other.b;
  }
};

class Hierarchy {
 public:
  Hierarchy(const Image& image, const Leaves& leaves, const Histograms& histograms, int64_t mask)
      : mask_(mask),
        channels_(image.channels),
        area_(double(image.size())),
        histograms_(histograms),
        sizes_(leaves.sizes),
        bounds_(leaves.bounds) {
    const size_t all = 2 * sizes_.size() - 1;
    sizes_.reserve(all), bounds_.reserve(all);
    neighbours_.resize(all), pairs_.resize(all), row_.resize(all), alive_.resize(all),
        seen_.resize(all, -1);
    for (size_t i = 0; i < leaves.sizes.size(); ++i) row_[i] = int32_t(i), alive_[i] = true;
  }

  void connect(const std::vector<std::pair<int32_t, int32_t>>& pairs) {
    for (const auto& [a, b] : pairs) {
      neighbours_[a].push_back(b), neighbours_[b].push_back(a);
      pairs_[b].push_back({similarity(a, b), a, b});
    }
    for (size_t b = 0; b < sizes_.size(); ++b) let_wait(b);
  }

  Pair merge_best() {
    const Pair best = take_best();
    const auto [alike, a, b] = best;
    const int32_t joined = int32_t(sizes_.size());
    sizes_.push_back(sizes_[a] + sizes_[b]);
    bounds_.push_back(around(bounds_[a], bounds_[b]));
    row_[joined] = row_[a];
    add_to(histograms_.of(row_[a]), histograms_.of(row_[b]), histograms_.row);
    alive_[a] = alive_[b] = false, alive_[joined] = true;
    for (const int32_t old : {a, b}) {
      for (const int32_t i : neighbours_[old]) {
        if (!alive_[i] || std::exchange(seen_[i], joined) == joined) continue;
        add_neighbour(i, joined), neighbours_[joined].push_back(i);
        pairs_[joined].push_back({similarity(i, joined), i, joined});
      }
      std::vector<int32_t>().swap(neighbours_[old]);
      std::vector<Pair>().swap(pairs_[old]);
    }
    let_wait(joined);
    return best;
  }

  int64_t size(int64_t region) const { return sizes_[region]; }
  const Bounds& bounds(int64_t region) const { return bounds_[region]; }

 private:
  void let_wait(size_t b) {
    std::make_heap(pairs_[b].begin(), pairs_[b].end());
    if (!pairs_[b].empty()) waiting_.push(pairs_[b].front());
  }

  // The best pair of two regions that are both still there.
  Pair take_best() {
    for (;;) {
      const Pair best = waiting_.top();
      waiting_.pop();
      if (!alive_[best.b]) continue;
      if (alive_[best.a]) return best;
      std::vector<Pair>& own = pairs_[best.b];
      while (!own.empty() && !alive_[own.front().a]) {
        std::pop_heap(own.begin(), own.end());
        own.pop_back();
      }
      if (!own.empty()) waiting_.push(own.front());
    }
  }

  // Those that are gone make room before the list has to grow.
  void add_neighbour(int32_t i, int32_t neighbour) {
    std::vector<int32_t>& list = neighbours_[i];
    if (list.size() == list.capacity()) {
      const auto gone = [&](int32_t other) { return !alive_[other]; };
      list.erase(std::remove_if(list.begin(), list.end(), gone), list.end());
      list.reserve(std::max<size_t>(4, 2 * list.size()));
    }
    list.push_back(neighbour);
  }

  double similarity(int32_t a, int32_t b) {
    const double size_a = double(sizes_[a]), size_b = double(sizes_[b]), both = size_a * size_b;
    const int32_t *row_a = histograms_.of(row_[a]), *row_b = histograms_.of(row_[b]);
    const int64_t colour = histograms_.colour, texture = histograms_.row - colour;
    double total = 0;
    if (mask_ & 1) {
      total += overlap(row_a, size_a, row_b, size_b, colour) / (both * channels_);
    }
    if (mask_ & 2) {
      total += overlap(row_a + colour, size_a, row_b + colour, size_b, texture) /
               (both * (channels_ * kDirections));
    }
    if (mask_ & 4) total += 1 - (size_a + size_b) / area_;
    if (mask_ & 8) {
      total += 1 - (around(bounds_[a], bounds_[b]).area() - size_a - size_b) / area_;
    }
    return total;
  }

  int64_t mask_, channels_;
  double area_;
  Histograms histograms_;
  std::vector<int64_t> sizes_;
  std::vector<Bounds> bounds_;
  std::vector<std::vector<int32_t>> neighbours_;  // some of them no longer alive
  std::vector<std::vector<Pair>> pairs_;          // each with an earlier region; heaps
  std::vector<int32_t> row_;                      // where the histograms are
  std::vector<char> alive_;
  std::vector<int32_t> seen_;          // the last new region that has it as a neighbour
  std::priority_queue<Pair> waiting_;  // the front of each heap
};

}  // namespace

int64_t count_regions(const int64_t* labels, int64_t num_pixels) {
  std::vector<char> present(num_pixels);
  for (int64_t i = 0; i < num_pixels; ++i) {
    if (labels[i] < 0 || labels[i] >= num_pixels) return -1;
    present[labels[i]] = true;
  }
  const auto end = std::find(present.begin(), present.end(), false);
  return std::find(end, present.end(), true) == present.end() ? end - present.begin() : -1;
}

void merge_regions(const int64_t* labels, int64_t num_regions, const uint8_t* planes,
                   int64_t channels, int64_t height, int64_t width, const float* taps,
                   int64_t num_taps, const int64_t* masks, int64_t num_masks, int64_t* merges,
                   double* similarity, int64_t* sizes, float* boxes) {
  const Image image{labels, planes, channels, height, width};
  const Leaves leaves(image, num_regions);
  Histograms histograms(num_regions, channels);
  count_colour(image, histograms);
  for (int64_t c = 0; c < channels; ++c) count_texture(image, c, taps, num_taps, histograms);
  fill_first_bins(leaves.sizes, channels, histograms);
  const auto pairs = touching(image);
  for (int64_t m = 0; m < num_masks; ++m) {
    Hierarchy hierarchy(image, leaves, histograms, masks[m]);
    hierarchy.connect(pairs);
    for (int64_t t = 0; t + 1 < num_regions; ++t) {
      const Pair best = hierarchy.merge_best();
      *merges++ = best.a, *merges++ = best.b;
      *similarity++ = best.similarity;
    }
    for (int64_t region = 0; region < 2 * num_regions - 1; ++region) {
      const Bounds& b = hierarchy.bounds(region);
      *sizes++ = hierarchy.size(region);
      for (const int64_t corner : {b.x1, b.y1, b.x2, b.y2}) *boxes++ = float(corner);
    }
  }
}

}  // namespace edudet::cpu

// Nothing here unfolds a mask but encode and decode: the other functions walk along the runs.
#include "../rle.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace edudet::cpu {
namespace {

constexpr int64_t kMost = std::numeric_limits<int32_t>::max();

// Walks along two masks at once: visit(length, in_a, in_b) for every stretch on which neither
// changes.
template <typename Visit>
void walk(const int32_t* a, int64_t n, const int32_t* b, int64_t m, Visit&& visit) {
  int64_t i = 0, j = 0, left_a = 0, left_b = 0;
  while (true) {
    while (left_a == 0 && i < n) left_a = a[i++];
    while (left_b == 0 && j < m) left_b = b[j++];
    const int64_t length = std::min(left_a, left_b);
    if (length == 0) return;
    visit(length, i % 2 == 0, j % 2 == 0);
    left_a -= length, left_b -= length;
  }
}

struct Summary {
  int64_t area = 0;
  int64_t x1 = std::numeric_limits<int64_t>::max(), y1 = x1, x2 = -1, y2 = -1;  // both included

  Summary(const int32_t* counts, int64_t n, int64_t height) {
    for (int64_t i = 0, place = 0; i < n; place += counts[i++]) {
      if (i % 2 == 0 || counts[i] == 0) continue;
      const int64_t last = place + counts[i] - 1;
      area += counts[i];
      x1 = std::min(x1, place / height), x2 = std::max(x2, last / height);
      const bool one_column = place / height == last / height;
      y1 = std::min(y1, one_column ? place % height : 0);
      y2 = std::max(y2, one_column ? last % height : height - 1);
    }
  }
  bool meets(const Summary& other) const {
    return x1 <= other.x2 && other.x1 <= x2 && y1 <= other.y2 && other.y1 <= y2;
  }
};

}  // namespace

bool rle_parse(const uint8_t* text, int64_t length, int64_t pixels, Counts& counts) {
  const int64_t first = counts.size();
  int64_t sum = 0;
  for (int64_t p = 0; p < length;) {
    int64_t value = 0;
    for (int shift = 0;; shift += 5) {
      if (p == length || shift > 30 || text[p] < 48 || text[p] >= 112) return false;
      const int64_t digit = text[p++] - 48;
      value |= (digit & 31) << shift;
      if (digit & 32) continue;
      if (digit & 16) value |= -(int64_t(1) << (shift + 5));
      break;
    }
    const int64_t place = int64_t(counts.size()) - first;
    if (place > 2) value += counts[counts.size() - 2];
    sum += value;
    if (value < 0 || value > kMost || sum > pixels) return false;
    counts.push_back(int32_t(value));
  }
  return sum == pixels;
}

void rle_format(const int32_t* counts, int64_t n, std::string& text) {
  for (int64_t i = 0; i < n; ++i) {
    int64_t value = i > 2 ? int64_t(counts[i]) - counts[i - 2] : counts[i];
    for (bool more = true; more;) {
      const int64_t digit = value & 31;
      value >>= 5;  // keeps the sign
      more = digit & 16 ? value != -1 : value != 0;
      text += char(48 + digit + (more ? 32 : 0));
    }
  }
}

void rle_encode(const bool* mask, int64_t height, int64_t width, Counts& counts) {
  bool inside = false;
  int64_t run = 0;
  for (int64_t x = 0; x < width; ++x)
    for (int64_t y = 0; y < height; ++y, ++run)
      if (mask[y * width + x] != inside) counts.push_back(int32_t(run)), run = 0, inside = !inside;
  counts.push_back(int32_t(run));
}

void rle_decode(const int32_t* counts, int64_t n, int64_t height, int64_t width, bool* mask) {
  int64_t x = 0, y = 0;
  for (int64_t i = 0; i < n; ++i)
    for (int32_t c = 0; c < counts[i] && x < width; ++c) {
      mask[y * width + x] = i % 2;
      if (++y == height) y = 0, ++x;
    }
}

// The outline is followed in steps of a fifth of a pixel. Where it passes the middle of a column of
// pixels, inside and outside change places below: an entry of `changes`.
void rle_from_polygon(const double* xy, int64_t corners, int64_t height, int64_t width,
                      Counts& counts) {
  std::vector<int64_t> changes;
  const auto fifths = [](double value) { return int64_t(5 * value + .5); };
  int64_t last_x = 0, last_y = 0;
  bool started = false;
  const auto step_to = [&](int64_t x, int64_t y) {
    if (started && x != last_x) {
      const int64_t edge = (x < last_x ? x : x - 1) - 2;  // a multiple of 5: a middle
      if (edge >= 0 && edge % 5 == 0 && edge / 5 < width) {
        const int64_t top = std::min(y, last_y) + 2;
        const int64_t row = top < 0 ? 0 : std::min(top / 5, height);  // rounded up
        changes.push_back(edge / 5 * height + row);
      }
    }
    last_x = x, last_y = y, started = true;
  };
  for (int64_t k = 0; k < corners; ++k) {
    const int64_t next = k + 1 < corners ? k + 1 : 0;
    int64_t x1 = fifths(xy[2 * k]), y1 = fifths(xy[2 * k + 1]);
    int64_t x2 = fifths(xy[2 * next]), y2 = fifths(xy[2 * next + 1]);
    const int64_t dx = std::abs(x2 - x1), dy = std::abs(y2 - y1), steps = std::max(dx, dy);
    // Always from left to right (or top to bottom), so that shared edges meet without a gap.
    const bool backwards = dx >= dy ? x1 > x2 : y1 > y2;
    if (backwards) std::swap(x1, x2), std::swap(y1, y2);
    const double slope = steps == 0 ? 0 : dx >= dy ? double(y2 - y1) / dx : double(x2 - x1) / dy;
    for (int64_t s = 0; s <= steps; ++s) {
      const int64_t t = backwards ? steps - s : s;
      if (dx >= dy)
        step_to(x1 + t, int64_t(y1 + slope * t + .5));
      else
        step_to(int64_t(x1 + slope * t + .5), y1 + t);
    }
  }
  changes.push_back(height * width);
  std::sort(changes.begin(), changes.end());
  counts.clear();
  int64_t before = 0;
  for (size_t i = 0; i < changes.size(); ++i) {
    const int64_t run = changes[i] - before;
    before = changes[i];
    if (run > 0 || i == 0) {
      counts.push_back(int32_t(run));
    } else if (i + 1 < changes.size()) {  // two changes in one place are none: join the runs
      ++i;
      counts.back() += int32_t(changes[i] - before);
      before = changes[i];
    }
  }
}

void rle_merge(Counts& a, const int32_t* b, int64_t n, bool intersect) {
  Counts merged;
  int64_t run = 0;
  bool inside = false;
  walk(a.data(), a.size(), b, n, [&](int64_t length, bool in_a, bool in_b) {
    const bool now = intersect ? in_a && in_b : in_a || in_b;
    if (now != inside) merged.push_back(int32_t(run)), run = 0, inside = now;
    run += length;
  });
  merged.push_back(int32_t(run));
  a.swap(merged);
}

void rle_overlaps(const RunLengths& detections, const RunLengths& objects, const int64_t* heights,
                  const bool* crowd, const int64_t* row_begin, const int64_t* first_object,
                  double* overlaps, int64_t begin, int64_t end) {
  std::vector<Summary> summaries;  // of the objects of one image, which many rows share
  int64_t first = -1;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t length = row_begin[i + 1] - row_begin[i];
    if (length == 0) continue;
    const int64_t height = std::max<int64_t>(heights[i], 1);  // an empty image has no runs
    const auto counts = [](const RunLengths& of, int64_t k) { return of.data + of.start[k]; };
    const auto number = [](const RunLengths& of, int64_t k) { return of.stop[k] - of.start[k]; };
    if (first_object[i] != first || int64_t(summaries.size()) != length) {
      first = first_object[i];
      summaries.clear();
      for (int64_t j = first; j < first + length; ++j)
        summaries.emplace_back(counts(objects, j), number(objects, j), height);
    }
    const Summary mine(counts(detections, i), number(detections, i), height);
    for (int64_t place = 0; place < length; ++place) {
      const int64_t j = first + place;
      const Summary& theirs = summaries[place];
      int64_t both = 0;
      if (mine.meets(theirs))
        walk(counts(detections, i), number(detections, i), counts(objects, j), number(objects, j),
             [&](int64_t run, bool in_a, bool in_b) { both += in_a && in_b ? run : 0; });
      const int64_t all = crowd[j] ? mine.area : mine.area + theirs.area - both;
      overlaps[row_begin[i] + place] = both == 0 ? 0 : double(both) / double(all);
    }
  }
}

}  // namespace edudet::cpu

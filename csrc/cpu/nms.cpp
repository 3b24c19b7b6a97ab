// Every candidate, best score first, is compared with the boxes kept so far:
//
//   few kept boxes, or dense ones   with all of them, a block of 64 at a time (a vector loop)
//   many sparse ones                with those that share a cell of a grid with it
//
// Both make the decision of common/box.h's iou(), to the bit.
#include "../nms.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

namespace edudet::cpu {
namespace {

constexpr int64_t kBlock = 64;
constexpr int64_t kWorthRadix = 200;  // fewer are sorted faster by comparing

// ---- Sorting ------------------------------------------------------------------------------------

// Unsigned numbers in the order of decreasing floats. Adding 0 makes -0 and 0 equal.
uint32_t descending_key(float score) {
  const uint32_t bits = bits_of_float(score + 0.0f);
  return bits & 0x80000000u ? bits : ~bits & 0x7fffffffu;
}
uint64_t descending_key(double score) {
  const double value = score + 0.0;
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits >> 63 ? bits : ~bits & ~(uint64_t(1) << 63);
}

// Sort indices by key, stably: counting sort by 11 bits at a time, lowest first.
template <typename Key>
void radix_sort(std::vector<Key>& keys, std::vector<int64_t>& order) {
  const int64_t n = keys.size();
  std::vector<Key> other_keys(n);
  std::vector<int64_t> other_order(n);
  for (unsigned shift = 0; shift < 8 * sizeof(Key); shift += 11) {
    std::array<int64_t, 2048> place{};
    for (const Key key : keys) ++place[key >> shift & 2047];
    if (place[keys[0] >> shift & 2047] == n) continue;  // these bits are all alike
    int64_t begin = 0;
    for (int64_t& count : place) begin += std::exchange(count, begin);
    for (int64_t i = 0; i < n; ++i) {
      const int64_t to = place[keys[i] >> shift & 2047]++;
      other_keys[to] = keys[i];
      other_order[to] = order[i];
    }
    keys.swap(other_keys);
    order.swap(other_order);
  }
}

template <typename T>
std::vector<int64_t> by_score(const T* scores, int64_t n) {
  std::vector<int64_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::vector<decltype(descending_key(widen(*scores)))> keys(n);
  for (int64_t i = 0; i < n; ++i) keys[i] = descending_key(widen(scores[i]));
  if (n > kWorthRadix) {
    radix_sort(keys, order);
  } else {
    std::stable_sort(order.begin(), order.end(),
                     [&](int64_t i, int64_t j) { return keys[i] < keys[j]; });
  }
  return order;
}

// ---- The decision -------------------------------------------------------------------------------

template <typename T>
struct Threshold {
  // A quotient above `exact` means a product test above `low`, whatever is rounded. So a division
  // is needed only where that cheaper test holds.
  explicit Threshold(T exact)
      : exact(exact), low(exact * (1 - 8 * std::numeric_limits<T>::epsilon())) {}
  T exact, low;
};

template <typename T>
struct Candidate {
  Box<T> box;
  T area;
};

template <typename T>
bool suppresses(const Candidate<T>& kept, const Candidate<T>& b, T threshold) {
  return iou(kept.box, kept.area, b.box, b.area) > threshold;
}

// ---- All kept boxes, a block at a time ----------------------------------------------------------

// One array for each coordinate, so that neighbours fill a vector register. The last block is
// filled up with boxes that overlap nothing.
template <typename T>
struct KeptList {
  std::vector<T> x1, y1, x2, y2, area;
  int64_t size = 0;

  void add(const Candidate<T>& b) {
    if (size % kBlock == 0) {
      const T inf = std::numeric_limits<T>::infinity();
      const int64_t room = size + kBlock;
      x1.resize(room, inf), y1.resize(room, inf), x2.resize(room, -inf), y2.resize(room, -inf);
      area.resize(room, T(0));
    }
    x1[size] = b.box.x1, y1[size] = b.box.y1, x2[size] = b.box.x2, y2[size] = b.box.y2;
    area[size++] = b.area;
  }
  Candidate<T> operator[](int64_t k) const { return {{x1[k], y1[k], x2[k], y2[k]}, area[k]}; }
};

template <typename T>
EDUDET_CLONES bool any_suppresses(const T* x1, const T* y1, const T* x2, const T* y2, const T* area,
                                  int64_t size, const Candidate<T>& b,
                                  const Threshold<T>& threshold) {
  const Box<T> box = b.box;
  const T area_b = b.area, low = threshold.low, exact = threshold.exact;
  for (int64_t block = 0; block < size; block += kBlock) {
    int maybe = 0;
    for (int64_t k = block; k < block + kBlock; ++k) {
      const T inter = intersection(Box<T>{x1[k], y1[k], x2[k], y2[k]}, box);
      maybe |= int(inter > T(0)) & int(inter >= low * (area[k] + area_b - inter));
    }
    if (!maybe) continue;
    int surely = 0;
    for (int64_t k = block; k < block + kBlock; ++k) {
      surely |= int(iou(Box<T>{x1[k], y1[k], x2[k], y2[k]}, area[k], box, area_b) > exact);
    }
    if (surely) return true;
  }
  return false;
}

template <typename T>
bool any_suppresses(const KeptList<T>& kept, const Candidate<T>& b, const Threshold<T>& threshold) {
  return any_suppresses(kept.x1.data(), kept.y1.data(), kept.x2.data(), kept.y2.data(),
                        kept.area.data(), kept.size, b, threshold);
}

// ---- Those in the same cells of a grid ----------------------------------------------------------

// Two boxes that overlap share a point, so they share the cell of that point: the index of a cell
// grows with the coordinate, rounded or not. Boxes of many cells are not entered but listed apart.
template <typename T>
class Grid {
 public:
  static constexpr int64_t kMostCells = 64;  // of one box

  Grid(const std::vector<Candidate<T>>& boxes) {
    T x2 = boxes[0].box.x2, y2 = boxes[0].box.y2, sides = 0;
    x1_ = boxes[0].box.x1, y1_ = boxes[0].box.y1;
    for (const Candidate<T>& b : boxes) {
      x1_ = smaller(x1_, b.box.x1), y1_ = smaller(y1_, b.box.y1);
      x2 = larger(x2, b.box.x2), y2 = larger(y2, b.box.y2);
      sides += ((b.box.x2 - b.box.x1) + (b.box.y2 - b.box.y1)) / T(2 * boxes.size());
    }
    // A cell of the size of a typical box, but no more cells than boxes.
    const T most = std::sqrt(T(boxes.size()));
    const T cell = larger(sides, larger((x2 - x1_) / most, (y2 - y1_) / most));
    per_pixel_ = T(1) / cell;
    if (!(cell > T(0)) || !std::isfinite(cell) || !std::isfinite(per_pixel_)) return;
    columns_ = index(x2, x1_) + 1;
    rows_ = index(y2, y1_) + 1;
  }

  // Whether looking into the cells costs less than looking at half of all boxes, 16 at a time.
  bool pays(const std::vector<Candidate<T>>& boxes) const {
    if (columns_ == 0) return false;
    double entries = 0, big = 0;
    for (const Candidate<T>& b : boxes) {
      const double cells = double(cells_of(b.box).count());
      if (cells > kMostCells) {
        big += 1;
      } else {
        entries += cells;
      }
    }
    const double n = double(boxes.size()), a_cell = entries / double(columns_ * rows_);
    return 16 * (entries / n) * a_cell + big < n / 2 && big < n / 16;
  }

  void add(const Candidate<T>& b, int64_t kept_index) {
    if (next_.empty()) first_.assign(columns_ * rows_, -1);
    const Cells cells = cells_of(b.box);
    if (cells.count() > kMostCells) return big_.add(b);
    for (int64_t y = cells.y1; y <= cells.y2; ++y) {
      for (int64_t x = cells.x1; x <= cells.x2; ++x) {
        int64_t& first = first_[y * columns_ + x];
        next_.push_back({kept_index, first});
        first = int64_t(next_.size()) - 1;
      }
    }
  }

  bool any_suppresses(const KeptList<T>& kept, const Candidate<T>& b,
                      const Threshold<T>& threshold) const {
    const Cells cells = cells_of(b.box);
    if (cells.count() > kMostCells) return cpu::any_suppresses(kept, b, threshold);
    if (cpu::any_suppresses(big_, b, threshold)) return true;
    for (int64_t y = cells.y1; y <= cells.y2; ++y) {
      for (int64_t x = cells.x1; x <= cells.x2; ++x) {
        for (int64_t e = first_[y * columns_ + x]; e >= 0; e = next_[e].next) {
          if (suppresses(kept[next_[e].kept_index], b, threshold.exact)) return true;
        }
      }
    }
    return false;
  }

 private:
  struct Cells {
    int64_t x1, y1, x2, y2;
    int64_t count() const { return (x2 - x1 + 1) * (y2 - y1 + 1); }
  };
  struct Entry {
    int64_t kept_index, next;
  };
  int64_t index(T coordinate, T origin) const {
    return int64_t((coordinate - origin) * per_pixel_);
  }
  Cells cells_of(const Box<T>& b) const {
    return {index(b.x1, x1_), index(b.y1, y1_), index(b.x2, x1_), index(b.y2, y1_)};
  }

  T x1_, y1_, per_pixel_;
  int64_t columns_ = 0, rows_ = 0;
  std::vector<int64_t> first_;  // the newest entry of each cell, or -1
  std::vector<Entry> next_;
  KeptList<T> big_;
};

// ---- One class ----------------------------------------------------------------------------------

// kept[i] is set to whether box i survives; the boxes come best first.
template <typename T>
void nms_of_one_class(const std::vector<Candidate<T>>& boxes, T threshold_value,
                      std::vector<char>& survives) {
  const int64_t n = boxes.size(), worth_a_grid = 512;
  const Threshold<T> threshold(threshold_value);
  KeptList<T> kept;
  survives.assign(n, 0);
  int64_t i = 0;
  auto walk = [&](auto&& dropped, auto&& entered, int64_t most_kept) {
    for (; i < n && kept.size < most_kept; ++i) {
      if (dropped(boxes[i])) continue;
      survives[i] = 1;
      entered(boxes[i]);
      kept.add(boxes[i]);
    }
  };
  const auto among_all = [&](const Candidate<T>& b) { return any_suppresses(kept, b, threshold); };
  walk(among_all, [](const Candidate<T>&) {}, worth_a_grid);
  if (i == n) return;
  Grid<T> grid(boxes);
  if (!grid.pays(boxes)) return walk(among_all, [](const Candidate<T>&) {}, n);
  for (int64_t k = 0; k < kept.size; ++k) grid.add(kept[k], k);
  walk([&](const Candidate<T>& b) { return grid.any_suppresses(kept, b, threshold); },
       [&](const Candidate<T>& b) { grid.add(b, kept.size); }, n);
}

template <typename T>
Candidate<compute_t<T>> load_candidate(const T* box) {
  const auto b = load_box(box);
  return {b, area(b)};
}

}  // namespace

template <typename T>
int64_t find_infinite_score(const T* scores, int64_t n) {
  int64_t i = 0;
  while (i < n && widen(scores[i]) - widen(scores[i]) == 0) ++i;
  return i;
}

template <typename T>
int64_t nms(const T* boxes, const T* scores, const int64_t* classes, int64_t n,
            compute_t<T> threshold, int64_t* keep) {
  if (n == 0) return 0;
  std::vector<int64_t> order = by_score(scores, n);  // positions in it are ranks
  // Ranks, class by class; within a class best first.
  std::vector<int64_t> ranks(n);
  std::iota(ranks.begin(), ranks.end(), 0);
  const auto class_of = [&](int64_t rank) { return classes ? classes[order[rank]] : 0; };
  if (classes) {
    std::vector<uint64_t> keys(n);
    for (int64_t rank = 0; rank < n; ++rank) keys[rank] = uint64_t(class_of(rank));
    if (n > kWorthRadix) {
      radix_sort(keys, ranks);
    } else {
      std::stable_sort(ranks.begin(), ranks.end(),
                       [&](int64_t r, int64_t s) { return keys[r] < keys[s]; });
    }
  }
  std::vector<char> survives(n), of_class;
  std::vector<Candidate<compute_t<T>>> members;
  for (int64_t begin = 0, end; begin < n; begin = end) {
    members.clear();
    for (end = begin; end < n && class_of(ranks[end]) == class_of(ranks[begin]); ++end) {
      members.push_back(load_candidate(boxes + 4 * order[ranks[end]]));
    }
    nms_of_one_class(members, threshold, of_class);
    for (int64_t i = begin; i < end; ++i) survives[ranks[i]] = of_class[i - begin];
  }
  int64_t num_kept = 0;
  for (int64_t rank = 0; rank < n; ++rank) {
    if (survives[rank]) keep[num_kept++] = order[rank];
  }
  return num_kept;
}

#define INSTANTIATE(T)                                                                       \
  template int64_t nms(const T*, const T*, const int64_t*, int64_t, compute_t<T>, int64_t*); \
  template int64_t find_infinite_score(const T*, int64_t);
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(Half)
INSTANTIATE(BFloat16)

}  // namespace edudet::cpu

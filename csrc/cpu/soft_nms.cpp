// The boxes of a class are put in blocks of 64 that lie near each other. A taken box changes the
// scores only in blocks that it touches; each block knows the best score in it, and where.
#include "../soft_nms.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace edudet::cpu {
namespace {

constexpr int64_t kBlock = 64;

template <typename T>
struct Taken {
  T score;
  int64_t index;
  bool operator<(const Taken& other) const {
    return score > other.score || (score == other.score && index < other.index);
  }
};

// One array for each coordinate, so that neighbours fill a vector register. The boxes of a block
// come by index: of equal scores the first is that of the lowest index.
template <typename T>
struct Block {
  T x1[kBlock], y1[kBlock], x2[kBlock], y2[kBlock], area[kBlock], score[kBlock];
  int64_t index[kBlock];
};

// What is looked at for every taken box: where the block is and the best in it.
template <typename T>
struct Summary {
  Box<T> around;
  Taken<T> best;
  int64_t block, place;  // the best is blocks[block].score[place]
};

template <typename T>
constexpr T kGone = -std::numeric_limits<T>::infinity();

// ---- Blocks of neighbours -----------------------------------------------------------------------

// The bits of two numbers below 2^16, alternating: close keys are close places (Morton's order).
uint32_t interleave(uint32_t x, uint32_t y) {
  const auto spread = [](uint32_t v) {
    v = (v | v << 8) & 0x00ff00ff;
    v = (v | v << 4) & 0x0f0f0f0f;
    v = (v | v << 2) & 0x33333333;
    return (v | v << 1) & 0x55555555;
  };
  return spread(x) | spread(y) << 1;
}

// `members`: indices of boxes. Returns them so ordered that each 64 lie near each other, by index.
template <typename T>
void sort_by_place(const T* boxes, std::vector<int64_t>& members) {
  if (members.size() <= size_t(kBlock)) return;
  using Double = std::pair<double, double>;
  const auto corner = [&](int64_t i) {
    return Double(widen(boxes[4 * i]), widen(boxes[4 * i + 1]));
  };
  Double low = corner(members[0]), high = low;
  for (const int64_t i : members) {
    const auto [x, y] = corner(i);
    low = {std::min(low.first, x), std::min(low.second, y)};
    high = {std::max(high.first, x), std::max(high.second, y)};
  }
  // Coordinates so large that their difference overflows give any order, which is only slower.
  const auto cell = [](double value, double from, double to) {
    const double share = (value - from) / (to - from);
    return uint32_t(share > 0 ? std::min(share, 1.0) * 65535 : 0);
  };
  std::vector<std::pair<uint32_t, int64_t>> keyed;
  for (const int64_t i : members) {
    const auto [x, y] = corner(i);
    keyed.emplace_back(interleave(cell(x, low.first, high.first), cell(y, low.second, high.second)),
                       i);
  }
  std::sort(keyed.begin(), keyed.end());
  for (size_t k = 0; k < keyed.size(); ++k) members[k] = keyed[k].second;
  for (size_t begin = 0; begin < members.size(); begin += kBlock) {
    std::sort(members.begin() + begin, members.begin() + std::min(begin + kBlock, members.size()));
  }
}

template <typename T>
EDUDET_CLONES void find_best(const Block<T>& block, Summary<T>& summary) {
  T best = kGone<T>;
  for (int64_t k = 0; k < kBlock; ++k) best = larger(best, block.score[k]);
  int32_t place = kBlock;
  for (int32_t k = 0; k < kBlock; ++k) {
    place = smaller(place, block.score[k] == best ? k : int32_t(kBlock));
  }
  summary.best = {best, block.index[place]};
  summary.place = place;
}

template <typename T>
void fill(const T* boxes, const T* scores, const int64_t* members, int64_t count,
          Block<compute_t<T>>& block, Summary<compute_t<T>>& summary) {
  using C = compute_t<T>;
  const C inf = std::numeric_limits<C>::infinity();
  Box<C> around{inf, inf, -inf, -inf};
  for (int64_t k = 0; k < kBlock; ++k) {
    const bool there = k < count;
    const Box<C> b = there ? load_box(boxes + 4 * members[k]) : Box<C>{inf, inf, -inf, -inf};
    around = {smaller(around.x1, b.x1), smaller(around.y1, b.y1), larger(around.x2, b.x2),
              larger(around.y2, b.y2)};
    block.x1[k] = b.x1, block.y1[k] = b.y1, block.x2[k] = b.x2, block.y2[k] = b.y2;
    block.area[k] = there ? area(b) : C(0);
    block.score[k] = there ? widen(scores[members[k]]) : kGone<C>;
    block.index[k] = there ? members[k] : std::numeric_limits<int64_t>::max();
  }
  summary.around = around;
  find_best(block, summary);
}

// ---- Taking and lowering ------------------------------------------------------------------------

template <typename T>
EDUDET_CLONES void overlaps(const Block<T>& block, const Box<T>& box, T area, T* out) {
  for (int64_t k = 0; k < kBlock; ++k) {
    const Box<T> other{block.x1[k], block.y1[k], block.x2[k], block.y2[k]};
    out[k] = iou(box, area, other, block.area[k]);
  }
}

template <typename T>
EDUDET_CLONES void lower(Block<T>& block, const T* weight, T least) {
  for (int64_t k = 0; k < kBlock; ++k) {
    const T score = block.score[k] * weight[k];
    // One that is gone stays so, though 0 * -inf is NaN.
    block.score[k] = int(block.score[k] >= least) & int(score >= least) ? score : kGone<T>;
  }
}

template <typename T>
EDUDET_CLONES void linear_weights(T* iou, T threshold) {
  for (int64_t k = 0; k < kBlock; ++k) iou[k] = iou[k] > threshold ? T(1) - iou[k] : T(1);
}

template <typename T>
void gaussian_weights(const Block<T>& block, T* iou, double sigma) {
  for (int64_t k = 0; k < kBlock; ++k) {
    const double overlap = iou[k];
    const bool matters = overlap > 0 && block.score[k] >= T(0);
    iou[k] = matters ? T(std::exp(-(overlap * overlap) / sigma)) : T(1);
  }
}

template <typename T>
void soft_nms_of_one_class(const T* boxes, const T* scores, std::vector<int64_t>& members,
                           const Decay& decay, std::vector<Taken<compute_t<T>>>& taken) {
  using C = compute_t<T>;
  const C least = C(decay.score_threshold), threshold = C(decay.iou_threshold);
  sort_by_place(boxes, members);
  const int64_t n = members.size(), num_blocks = (n + kBlock - 1) / kBlock;
  std::vector<Block<C>> blocks(num_blocks);
  std::vector<Summary<C>> alive(num_blocks);
  for (int64_t b = 0; b < num_blocks; ++b) {
    alive[b].block = b;
    fill(boxes, scores, members.data() + b * kBlock, std::min(kBlock, n - b * kBlock), blocks[b],
         alive[b]);
  }
  const auto by_best = [](const Summary<C>& a, const Summary<C>& b) { return a.best < b.best; };
  while (!alive.empty()) {
    Summary<C>& first = *std::min_element(alive.begin(), alive.end(), by_best);
    taken.push_back(first.best);
    Block<C>& home = blocks[first.block];
    const int64_t k = first.place;
    const Box<C> box{home.x1[k], home.y1[k], home.x2[k], home.y2[k]};
    const C area_of_box = home.area[k];
    home.score[k] = kGone<C>;
    find_best(home, first);
    for (size_t i = 0; i < alive.size();) {
      Summary<C>& summary = alive[i];
      if (intersection(summary.around, box) > C(0) && summary.best.score >= C(0)) {
        Block<C>& block = blocks[summary.block];
        C weight[kBlock];
        overlaps(block, box, area_of_box, weight);
        if (decay.gaussian) {
          gaussian_weights(block, weight, decay.sigma);
        } else {
          linear_weights(weight, threshold);
        }
        lower(block, weight, least);
        find_best(block, summary);
      }
      if (summary.best.score >= C(0)) {
        ++i;
      } else {  // nobody waits in this block
        summary = alive.back();
        alive.pop_back();
      }
    }
  }
}

}  // namespace

template <typename T>
int64_t soft_nms(const T* boxes, const T* scores, const int64_t* classes, int64_t n,
                 const Decay& decay, int64_t* keep, T* kept_scores) {
  const auto least = compute_t<T>(decay.score_threshold);
  std::vector<int64_t> waiting, members;
  for (int64_t i = 0; i < n; ++i) {
    if (widen(scores[i]) >= least) waiting.push_back(i);
  }
  if (classes) {
    std::stable_sort(waiting.begin(), waiting.end(),
                     [&](int64_t i, int64_t j) { return classes[i] < classes[j]; });
  }
  const auto class_of = [&](size_t k) { return classes ? classes[waiting[k]] : 0; };
  std::vector<Taken<compute_t<T>>> taken;
  for (size_t begin = 0, end; begin < waiting.size(); begin = end) {
    for (end = begin; end < waiting.size() && class_of(end) == class_of(begin);) ++end;
    members.assign(waiting.begin() + begin, waiting.begin() + end);
    soft_nms_of_one_class(boxes, scores, members, decay, taken);
  }
  if (classes) std::sort(taken.begin(), taken.end());
  for (size_t k = 0; k < taken.size(); ++k) {
    keep[k] = taken[k].index;
    kept_scores[k] = narrow<T>(taken[k].score);
  }
  return taken.size();
}

#define INSTANTIATE(T)                                                                           \
  template int64_t soft_nms(const T*, const T*, const int64_t*, int64_t, const Decay&, int64_t*, \
                            T*);
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(Half)
INSTANTIATE(BFloat16)

}  // namespace edudet::cpu

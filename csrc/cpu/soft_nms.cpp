// The boxes of a class are put in blocks of 64 that lie near each other. A taken box changes the
// scores only in blocks that it touches; each block knows the best score in it, and where.
#include "../soft_nms.h"

#include <algorithm>
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
};

// Scores are not negative, or kGone: so compared, their bits are in the order of the numbers, and a
// loop for the largest fills a vector register. (That for floats would have to mind NaN and -0.)
int32_t order_of(float score) { return int32_t(bits_of_float(score)); }
int64_t order_of(double score) {
  int64_t bits;
  memcpy(&bits, &score, sizeof bits);
  return bits;
}

// Where the largest of n scores stands first.
template <typename T>
EDUDET_CLONES int64_t find_largest(const T* score, int64_t n) {
  auto largest = order_of(score[0]);
  for (int64_t k = 1; k < n; ++k) largest = larger(largest, order_of(score[k]));
  auto place = decltype(largest)(n);
  for (decltype(place) k = 0; k < n; ++k) {
    place = smaller(place, order_of(score[k]) == largest ? k : decltype(place)(n));
  }
  return place;
}

// One array for each coordinate, so that neighbours fill a vector register. The boxes of a block
// come by index: of equal scores the first is that of the lowest index.
template <typename T>
struct Block {
  T x1[kBlock], y1[kBlock], x2[kBlock], y2[kBlock], area[kBlock], score[kBlock];
  int64_t index[kBlock];
};

// What is looked at for every taken box: where each block is, and the best score in it.
template <typename T>
struct Summaries {
  std::vector<T> x1, y1, x2, y2, best;
  std::vector<int64_t> index, place;  // the best is that of box `index`, the place-th of its block

  explicit Summaries(int64_t blocks)
      : x1(blocks),
        y1(blocks),
        x2(blocks),
        y2(blocks),
        best(blocks),
        index(blocks),
        place(blocks) {}
  int64_t size() const { return best.size(); }
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
void update(const Block<T>& block, int64_t b, Summaries<T>& summaries) {
  const int64_t place = find_largest(block.score, kBlock);
  summaries.best[b] = block.score[place];
  summaries.index[b] = block.index[place];
  summaries.place[b] = place;
}

template <typename T>
void fill(const T* boxes, const T* scores, const int64_t* members, int64_t count,
          Block<compute_t<T>>& block, int64_t b, Summaries<compute_t<T>>& summaries) {
  using C = compute_t<T>;
  const C inf = std::numeric_limits<C>::infinity();
  const Box<C> nowhere{inf, inf, -inf, -inf};
  Box<C> around = nowhere;
  for (int64_t k = 0; k < kBlock; ++k) {
    const bool there = k < count;
    const Box<C> box = there ? load_box(boxes + 4 * members[k]) : nowhere;
    around = {smaller(around.x1, box.x1), smaller(around.y1, box.y1), larger(around.x2, box.x2),
              larger(around.y2, box.y2)};
    block.x1[k] = box.x1, block.y1[k] = box.y1, block.x2[k] = box.x2, block.y2[k] = box.y2;
    block.area[k] = there ? area(box) : C(0);
    block.score[k] = there ? widen(scores[members[k]]) + C(0) : kGone<C>;  // no -0
    block.index[k] = there ? members[k] : -1;
  }
  summaries.x1[b] = around.x1, summaries.y1[b] = around.y1;
  summaries.x2[b] = around.x2, summaries.y2[b] = around.y2;
  update(block, b, summaries);
}

// ---- Taking and lowering ------------------------------------------------------------------------

// Returns whether any IoU is more than `least`.
template <typename T>
EDUDET_CLONES bool overlaps(const Block<T>& block, const Box<T>& box, T area, T least, T* out) {
  int any = 0;
  for (int64_t k = 0; k < kBlock; ++k) {
    const Box<T> other{block.x1[k], block.y1[k], block.x2[k], block.y2[k]};
    out[k] = iou(box, area, other, block.area[k]);
    any |= int(out[k] > least);
  }
  return any;
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
EDUDET_CLONES void linear_weights(T* iou, T limit) {
  for (int64_t k = 0; k < kBlock; ++k) iou[k] = iou[k] > limit ? T(1) - iou[k] : T(1);
}

// e^x for x <= 0 to a last bit or so, and 0 below -708; std::exp would not fill a vector register.
EDUDET_HD double exp_of_negative(double x) {
  constexpr double kRound = 0x1.8p52;  // adding it leaves whole numbers in the lowest bits
  const double shifted = larger(x, -708.0) * 1.4426950408889634 + kRound, k = shifted - kRound;
  const double r = (larger(x, -708.0) - k * 0x1.62e42fefa38p-1) - k * 0x1.ef35793c7673p-45;
  double sum = 1.0 / 6227020800.0;  // the series of e^r, |r| < 0.35, up to r^13 / 13!
  for (const double factorial : {479001600.0, 39916800.0, 3628800.0, 362880.0, 40320.0, 5040.0,
                                 720.0, 120.0, 24.0, 6.0, 2.0, 1.0, 1.0}) {
    sum = sum * r + 1.0 / factorial;
  }
  uint64_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 1023) << 52;  // 2^k
  double power;
  memcpy(&power, &bits, sizeof power);
  return x < -708.0 ? 0.0 : sum * power;
}

template <typename T>
EDUDET_CLONES void gaussian_weights(T* iou, double sigma) {
  for (int64_t k = 0; k < kBlock; ++k) {
    const double overlap = iou[k];
    iou[k] = T(exp_of_negative(-(overlap * overlap) / sigma));
  }
}

// touched[b]: whether a box waits in block b that `box` may overlap.
template <typename T>
EDUDET_CLONES void find_touched(const T* x1, const T* y1, const T* x2, const T* y2, const T* best,
                                int64_t n, const Box<T>& box, char* touched) {
  for (int64_t b = 0; b < n; ++b) {
    const Box<T> around{x1[b], y1[b], x2[b], y2[b]};
    touched[b] = int(intersection(around, box) > T(0)) & int(best[b] >= T(0));
  }
}

// The block of the best box that waits; of equal ones that of the lowest index.
template <typename T>
int64_t find_first(const Summaries<T>& s) {
  const int64_t n = s.size();
  int64_t first = find_largest(s.best.data(), n);
  const T best = s.best[first];
  for (int64_t b = first + 1; b < n; ++b) {
    if (s.best[b] == best && s.index[b] < s.index[first]) first = b;
  }
  return first;
}

template <typename T>
void soft_nms_of_one_class(const T* boxes, const T* scores, std::vector<int64_t>& members,
                           const Decay& decay, std::vector<Taken<compute_t<T>>>& taken) {
  using C = compute_t<T>;
  const C least = C(decay.score_threshold), limit = decay.gaussian ? C(0) : C(decay.iou_threshold);
  sort_by_place(boxes, members);
  const int64_t n = members.size(), num_blocks = (n + kBlock - 1) / kBlock;
  std::vector<Block<C>> blocks(num_blocks);
  Summaries<C> s(num_blocks);
  for (int64_t b = 0; b < num_blocks; ++b) {
    const int64_t begin = b * kBlock;
    fill(boxes, scores, members.data() + begin, std::min(kBlock, n - begin), blocks[b], b, s);
  }
  std::vector<char> touched(num_blocks);
  C weight[kBlock];
  for (;;) {
    const int64_t first = find_first(s), k = s.place[first];
    if (!(s.best[first] >= C(0))) return;
    taken.push_back({s.best[first], s.index[first]});
    Block<C>& home = blocks[first];
    const Box<C> box{home.x1[k], home.y1[k], home.x2[k], home.y2[k]};
    const C area_of_box = home.area[k];
    home.score[k] = kGone<C>;
    update(home, first, s);
    find_touched(s.x1.data(), s.y1.data(), s.x2.data(), s.y2.data(), s.best.data(), num_blocks, box,
                 touched.data());
    for (int64_t b = 0; b < num_blocks; ++b) {
      if (!touched[b]) continue;
      if (!overlaps(blocks[b], box, area_of_box, limit, weight)) continue;
      if (decay.gaussian) {
        gaussian_weights(weight, decay.sigma);
      } else {
        linear_weights(weight, limit);
      }
      lower(blocks[b], weight, least);
      update(blocks[b], b, s);
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
  if (classes) {
    std::sort(taken.begin(), taken.end(), [](const auto& a, const auto& b) {
      return a.score > b.score || (a.score == b.score && a.index < b.index);
    });
  }
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

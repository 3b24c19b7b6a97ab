// Boxes in the order of their scores, class by class: when a box is reached, what the better ones
// lose (c_i) is known, so each pair is looked at once and no matrix is stored.
#include "../matrix_nms.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace edudet::cpu {
namespace {

constexpr int64_t kBlock = 64;

// One array for each coordinate, so that neighbours fill a vector register.
template <typename T>
struct Ranked {
  std::vector<T> x1, y1, x2, y2, area, largest;  // largest: c_i, for those reached already

  explicit Ranked(int64_t n) : x1(n), y1(n), x2(n), y2(n), area(n), largest(n) {}
};

// What the boxes [begin, end) do to one box: the largest IoU; and the least (1 - IoU) / (1 - c), or
// the largest IoU^2 - c^2, which is the least quotient of the Gaussian before its exponential.
template <typename T>
struct Effect {
  T largest = 0, least_quotient = 1;
  double largest_difference = 0;
};

template <bool gaussian, typename T>
EDUDET_CLONES Effect<T> effect_of(const T* x1, const T* y1, const T* x2, const T* y2, const T* area,
                                  const T* c, int64_t count, const Box<T>& box, T area_of_box) {
  T overlap[kBlock], largest[kBlock] = {}, quotient[kBlock];
  double difference[kBlock] = {};
  for (int64_t k = 0; k < kBlock; ++k) quotient[k] = T(1);
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t lanes = smaller(kBlock, count - begin);
    int any = 0;
    for (int64_t k = 0; k < lanes; ++k) {
      const int64_t i = begin + k;
      const Box<T> better{x1[i], y1[i], x2[i], y2[i]};
      overlap[k] = iou(better, area[i], box, area_of_box);
      any |= int(overlap[k] > T(0));
    }
    if (!any) continue;
    for (int64_t k = 0; k < lanes; ++k) {
      const T x = overlap[k], loss = c[begin + k];
      largest[k] = larger(x, largest[k]);
      if (gaussian) {
        const double d = double(x) * double(x) - double(loss) * double(loss);
        difference[k] = larger(d, difference[k]);
      } else {
        // 0 / 0, where c is 1, is NaN: no comparison with it holds, so it changes nothing.
        quotient[k] = smaller((T(1) - x) / (T(1) - loss), quotient[k]);
      }
    }
  }
  Effect<T> effect;
  for (int64_t k = 0; k < kBlock; ++k) {
    effect.largest = larger(effect.largest, largest[k]);
    effect.least_quotient = smaller(effect.least_quotient, quotient[k]);
    effect.largest_difference = larger(effect.largest_difference, difference[k]);
  }
  return effect;
}

}  // namespace

template <typename T>
int64_t matrix_nms(const T* boxes, const T* scores, const int64_t* classes, int64_t n,
                   bool gaussian, double sigma, double score_threshold, int64_t* keep,
                   T* kept_scores) {
  using C = compute_t<T>;
  const C least = C(score_threshold);
  const auto class_of = [&](int64_t i) { return classes ? classes[i] : 0; };
  std::vector<int64_t> order;
  for (int64_t i = 0; i < n; ++i) {
    if (widen(scores[i]) >= least) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](int64_t i, int64_t j) {
    if (class_of(i) != class_of(j)) return class_of(i) < class_of(j);
    return widen(scores[i]) > widen(scores[j]);
  });
  struct Kept {
    C score;
    int64_t index;
  };
  std::vector<Kept> kept;
  Ranked<C> ranked(order.size());
  int64_t first = 0;  // of the class
  for (int64_t rank = 0; rank < int64_t(order.size()); ++rank) {
    const int64_t j = order[rank];
    if (class_of(j) != class_of(order[first])) first = rank;
    const Box<C> box = load_box(boxes + 4 * j);
    const auto effect = gaussian ? effect_of<true, C> : effect_of<false, C>;
    const Effect<C> e =
        effect(&ranked.x1[first], &ranked.y1[first], &ranked.x2[first], &ranked.y2[first],
               &ranked.area[first], &ranked.largest[first], rank - first, box, area(box));
    ranked.x1[rank] = box.x1, ranked.y1[rank] = box.y1;
    ranked.x2[rank] = box.x2, ranked.y2[rank] = box.y2;
    ranked.area[rank] = area(box), ranked.largest[rank] = e.largest;
    const C factor = gaussian ? C(std::exp(-e.largest_difference / sigma)) : e.least_quotient;
    const C score = widen(scores[j]) * factor;
    if (score >= least) kept.push_back({score, j});
  }
  std::sort(kept.begin(), kept.end(), [](const Kept& a, const Kept& b) {
    return a.score > b.score || (a.score == b.score && a.index < b.index);
  });
  for (size_t k = 0; k < kept.size(); ++k) {
    keep[k] = kept[k].index;
    kept_scores[k] = narrow<T>(kept[k].score);
  }
  return kept.size();
}

#define INSTANTIATE(T)                                                                           \
  template int64_t matrix_nms(const T*, const T*, const int64_t*, int64_t, bool, double, double, \
                              int64_t*, T*);
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(Half)
INSTANTIATE(BFloat16)

}  // namespace edudet::cpu

// One class at a time: for every range of areas and every IoU threshold, match greedily (best score
// first, image by image), then walk over all images' detections by score.
//
// Most detections meet no object: whether they count as wrong depends on the area alone. Those that
// meet one are decided for each threshold. Only the right ones are remembered as points of the
// curve: between two of them precision falls, so that no wrong one can be the best further right.
#include "../coco.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace edudet::cpu {
namespace {

enum Verdict : uint8_t { kWrong, kRight, kIgnored };

struct Class {
  const CocoProblem& p;
  int64_t begin, size;                // its detections
  int64_t first_object, num_objects;  // its objects
  std::vector<int64_t> by_score;      // its detections, relative to begin
  std::vector<uint8_t> outside;       // (num_objects): ignored, in this range of areas
  std::vector<uint8_t> taken;         // (num_objects)
  std::vector<uint8_t> verdicts;      // (size)
  std::vector<double> precisions;     // of the right ones, by score

  Class(const CocoProblem& problem, int64_t k)
      : p(problem),
        begin(p.class_begin[k]),
        size(p.class_begin[k + 1] - begin),
        first_object(p.object_begin[k]),
        num_objects(p.object_begin[k + 1] - first_object),
        by_score(size),
        outside(num_objects),
        taken(num_objects),
        verdicts(size) {
    std::iota(by_score.begin(), by_score.end(), 0);
    const double* scores = p.scores + begin;
    std::stable_sort(by_score.begin(), by_score.end(),
                     [=](int64_t i, int64_t j) { return scores[i] > scores[j]; });
  }

  int64_t choose_area(double smallest, double largest) {
    int64_t wanted = 0;
    for (int64_t j = 0; j < num_objects; ++j) {
      const double area = p.object_areas[first_object + j];
      outside[j] = p.ignore[first_object + j] || area < smallest || area > largest;
      wanted += !outside[j];
    }
    return wanted;
  }

  // The best of the free objects in the row that are `ignored` or not, or -1. Of equally good ones
  // the last.
  int64_t best_object(int64_t i, double threshold, bool ignored) const {
    const int64_t row = p.row_begin[i], length = p.row_begin[i + 1] - row;
    const int64_t first = p.first_object[i] - first_object;
    double best = threshold;
    int64_t chosen = -1;
    for (int64_t place = 0; place < length; ++place) {
      const int64_t j = first + place;
      if (bool(outside[j]) != ignored || (taken[j] && !p.crowd[first_object + j])) continue;
      if (p.overlaps[row + place] < best) continue;
      best = p.overlaps[row + place];
      chosen = j;
    }
    return chosen;
  }

  void match(double threshold, double smallest, double largest) {
    threshold = std::min(threshold, 1 - 1e-10);
    std::fill(taken.begin(), taken.end(), 0);
    for (int64_t d = 0; d < size; ++d) {
      const int64_t i = begin + d;
      int64_t j = -1;
      if (p.row_begin[i] < p.row_begin[i + 1]) {
        j = best_object(i, threshold, false);
        if (j < 0) j = best_object(i, threshold, true);
      }
      if (j >= 0) {
        taken[j] = 1;
        verdicts[d] = outside[j] ? kIgnored : kRight;
      } else {
        verdicts[d] = p.areas[i] < smallest || p.areas[i] > largest ? kIgnored : kWrong;
      }
    }
  }

  // Writes the curve of the detections whose rank is below `limit`; returns the recall.
  double curve(int64_t limit, int64_t wanted, double* precision) {
    precisions.clear();
    int64_t answers = 0;
    for (int64_t d : by_score) {
      if (p.rank[begin + d] >= limit || verdicts[d] == kIgnored) continue;
      ++answers;
      if (verdicts[d] == kRight) precisions.push_back(double(precisions.size() + 1) / answers);
    }
    const int64_t right = precisions.size();
    for (int64_t r = right - 1; r > 0; --r)
      precisions[r - 1] = std::max(precisions[r - 1], precisions[r]);
    int64_t r = 0;
    for (int64_t level = 0; level < p.num_levels; ++level) {
      while (r < right && double(r + 1) / wanted < p.recall_levels[level]) ++r;
      precision[level] = r < right ? precisions[r] : 0;
    }
    return double(right) / wanted;
  }
};

}  // namespace

void coco(const CocoProblem& p, double* precision, double* recall, int64_t begin, int64_t end) {
  for (int64_t k = begin; k < end; ++k) {
    Class one(p, k);
    for (int64_t a = 0; a < p.num_areas; ++a) {
      const double smallest = p.area_limits[2 * a], largest = p.area_limits[2 * a + 1];
      const int64_t wanted = one.choose_area(smallest, largest);
      for (int64_t t = 0; t < p.num_thresholds; ++t) {
        if (wanted) one.match(p.iou_thresholds[t], smallest, largest);
        for (int64_t m = 0; m < p.num_limits; ++m) {
          const int64_t place = ((k * p.num_areas + a) * p.num_limits + m) * p.num_thresholds + t;
          double* levels = precision + place * p.num_levels;
          if (wanted) {
            recall[place] = one.curve(p.max_detections[m], wanted, levels);
          } else {
            recall[place] = -1;
            std::fill(levels, levels + p.num_levels, -1);
          }
        }
      }
    }
  }
}

}  // namespace edudet::cpu

// One class at a time. Most detections meet no object well enough for the lowest threshold: whether
// they are wrong or ignored depends on the range of areas alone, so they are counted once a range.
// The others, the candidates, are matched for each threshold (best score first, image by image)
// and then walked through by score over all images. Only the right ones are points of the curve:
// between two of them precision falls, so that no wrong one can be the best further right.
#include "../coco.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace edudet::cpu {
namespace {

enum Verdict : uint8_t { kWrong, kRight, kIgnored };

double reachable(double threshold) { return std::min(threshold, 1 - 1e-10); }

class Class {
  struct Detection {
    double score, area;
    int64_t rank, i;
    bool is_candidate;
  };

 public:
  Class(const CocoProblem& problem, int64_t k)
      : p(problem),
        begin(p.class_begin[k]),
        size(p.class_begin[k + 1] - begin),
        first_object(p.object_begin[k]),
        num_objects(p.object_begin[k + 1] - first_object),
        by_score(size),
        outside(num_objects),
        taken(num_objects),
        others_before(p.num_limits) {
    for (int64_t d = 0; d < size; ++d)
      by_score[d] = {p.scores[begin + d], p.areas[begin + d], p.rank[begin + d], begin + d, false};
    std::stable_sort(by_score.begin(), by_score.end(),
                     [](const Detection& i, const Detection& j) { return i.score > j.score; });
    double lowest = 1;
    for (int64_t t = 0; t < p.num_thresholds; ++t)
      lowest = std::min(lowest, reachable(p.iou_thresholds[t]));
    for (Detection& d : by_score) {
      for (int64_t place = p.row_begin[d.i]; place < p.row_begin[d.i + 1]; ++place)
        d.is_candidate |= !(p.overlaps[place] < lowest);
      if (d.is_candidate) candidates.push_back(d.i);
    }
    by_image.resize(candidates.size());
    std::iota(by_image.begin(), by_image.end(), 0);
    std::sort(by_image.begin(), by_image.end(),
              [&](int64_t c, int64_t d) { return candidates[c] < candidates[d]; });
    verdicts.resize(candidates.size());
  }

  // Returns how many objects are to be found.
  int64_t choose_area(double low, double high) {
    smallest = low, largest = high;
    int64_t wanted = 0;
    for (int64_t j = 0; j < num_objects; ++j) {
      outside[j] = p.ignore[first_object + j] || is_outside(p.object_areas[first_object + j]);
      wanted += !outside[j];
    }
    for (int64_t m = 0; m < p.num_limits; ++m) {
      others_before[m].clear();
      int64_t others = 0;
      for (const Detection& d : by_score)
        if (d.is_candidate)
          others_before[m].push_back(others);
        else
          others += d.rank < p.max_detections[m] && !is_outside(d.area);
    }
    return wanted;
  }

  void match(double threshold) {
    std::fill(taken.begin(), taken.end(), 0);
    for (int64_t c : by_image) {
      const int64_t i = candidates[c];
      int64_t j = best_object(i, threshold, false);
      if (j < 0) j = best_object(i, threshold, true);
      if (j >= 0) {
        taken[j] = 1;
        verdicts[c] = outside[j] ? kIgnored : kRight;
      } else {
        verdicts[c] = is_outside(p.areas[i]) ? kIgnored : kWrong;
      }
    }
  }

  // Writes the curve of the detections within the m-th limit; returns the recall.
  double curve(int64_t m, int64_t wanted, double* precision) {
    precisions.clear();
    int64_t answers = 0;
    for (size_t c = 0; c < candidates.size(); ++c) {
      if (p.rank[candidates[c]] >= p.max_detections[m] || verdicts[c] == kIgnored) continue;
      ++answers;
      if (verdicts[c] == kRight)
        precisions.push_back(double(precisions.size() + 1) / (answers + others_before[m][c]));
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

 private:
  bool is_outside(double area) const { return area < smallest || area > largest; }

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

  const CocoProblem& p;
  int64_t begin, size;                // its detections
  int64_t first_object, num_objects;  // its objects
  double smallest = 0, largest = 0;   // the range of areas
  std::vector<Detection> by_score;    // its detections
  std::vector<int64_t> candidates;    // detections, by score
  std::vector<int64_t> by_image;      // indices into `candidates`, in the order of the detections
  std::vector<uint8_t> verdicts;      // of the candidates
  std::vector<uint8_t> outside;       // (num_objects): ignored, in this range of areas
  std::vector<uint8_t> taken;         // (num_objects)
  std::vector<std::vector<int64_t>> others_before;  // for each limit: wrong others before each
  std::vector<double> precisions;                   // of the right ones, by score
};

}  // namespace

void coco(const CocoProblem& p, double* precision, double* recall, int64_t begin, int64_t end) {
  for (int64_t k = begin; k < end; ++k) {
    Class one(p, k);
    for (int64_t a = 0; a < p.num_areas; ++a) {
      const int64_t wanted = one.choose_area(p.area_limits[2 * a], p.area_limits[2 * a + 1]);
      for (int64_t t = 0; t < p.num_thresholds; ++t) {
        if (wanted) one.match(reachable(p.iou_thresholds[t]));
        for (int64_t m = 0; m < p.num_limits; ++m) {
          const int64_t place = ((k * p.num_areas + a) * p.num_limits + m) * p.num_thresholds + t;
          double* levels = precision + place * p.num_levels;
          if (wanted) {
            recall[place] = one.curve(m, wanted, levels);
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

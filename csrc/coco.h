// Contract of coco: COCO's matching and its precision-recall curves, class by class.
//   Detections lie sorted by class, then image, then falling score; objects by class, then image.
//   overlaps[row_begin[i]], ..., overlaps[row_begin[i + 1] - 1] compare detection i with the
//   objects first_object[i], first_object[i] + 1, ... of its image and class.
// The caller owns all memory, but for scratch.
#pragma once
#include <cstdint>

namespace edudet {

struct CocoProblem {
  const double* overlaps;
  const int64_t* row_begin;     // (detections + 1)
  const int64_t* first_object;  // (detections)
  const int64_t* rank;          // (detections): place in its image and class, the best has 0
  const double* scores;         // (detections)
  const double* areas;          // (detections)
  const double* object_areas;   // (objects)
  const bool* ignore;           // (objects): need not be found
  const bool* crowd;            // (objects): may be matched many times
  const int64_t* class_begin;   // (classes + 1): the detections of each class
  const int64_t* object_begin;  // (classes + 1): the objects of each class
  const double* iou_thresholds;
  const double* recall_levels;    // rising
  const double* area_limits;      // (num_areas, 2): smallest and largest, both included
  const int64_t* max_detections;  // rising
  int64_t num_thresholds, num_levels, num_areas, num_limits;
};

namespace cpu {

// Classes [begin, end):
//   precision (classes, areas, limits, thresholds, levels): the best precision at the level's
//   recall or beyond, 0 if it is not reached.  recall (classes, areas, limits, thresholds). -1 in
//   both where there is no object to find.
void coco(const CocoProblem& problem, double* precision, double* recall, int64_t begin,
          int64_t end);

}  // namespace cpu
}  // namespace edudet

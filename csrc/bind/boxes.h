// What bindings of operators on boxes check, in the words of edudet/check.py.
#pragma once

#include <optional>

#include "../box_iou.h"
#include "tensor.h"

namespace edudet {

// `index`: the place of the box in its argument, e.g. "3" or "1, 3".
template <typename T>
[[noreturn]] void fail_for_box(const char* op, const char* argument, const std::string& index,
                               const T* box) {
  const auto b = load_box(box);
  const bool finite = b.x1 - b.x1 == 0 && b.y1 - b.y1 == 0 && b.x2 - b.x2 == 0 && b.y2 - b.y2 == 0;
  const bool ordered = b.x2 >= b.x1 && b.y2 >= b.y1;
  const char* rule = !finite    ? "be finite"
                     : !ordered ? "have x1 <= x2 and y1 <= y2"
                                : "have an area that its dtype can hold";
  const char* question = finite && !ordered ? ": is this one (x, y, w, h)?" : "";
  fail(op, ": ", argument, "[", index, "] must ", rule, ", got [", b.x1, ", ", b.y1, ", ", b.x2,
       ", ", b.y2, "]", question);
}

// `bad_box`, `bad_score`: indices, n if there is none. `box`, `score`: what stands there.
template <typename T>
void check_values(const char* op, int64_t n, int64_t bad_box, const T* box, int64_t bad_score,
                  T score) {
  if (bad_box < n) fail_for_box(op, "boxes", std::to_string(bad_box), box);
  require(bad_score == n, op, ": scores[", bad_score, "] must be finite, got ", widen(score));
}

// Boxes (n, 4) with scores (n,) and, if given, classes (n,).
inline void check_detections(const char* op, const Tensor& boxes, const Tensor& scores,
                             const std::optional<Tensor>& classes) {
  require(boxes.dim() == 2 && boxes.size(1) == 4, op, ": boxes must have shape (N, 4)");
  require(scores.dim() == 1 && scores.size(0) == boxes.size(0), op,
          ": scores must have shape (N,)");
  require(boxes.scalar_type() == scores.scalar_type(), op, ": boxes and scores must share a dtype");
  require(boxes.device() == scores.device(), op, ": boxes and scores must share a device");
  require(!classes ||
              (classes->dim() == 1 && classes->size(0) == boxes.size(0) &&
               classes->scalar_type() == ScalarType::Long && classes->device() == boxes.device()),
          op, ": idxs must have shape (N,), dtype int64 and the device of boxes");
}

}  // namespace edudet

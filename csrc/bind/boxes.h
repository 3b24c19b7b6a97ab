// The complaint about a box, in the words of edudet/check.py.
#pragma once

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

}  // namespace edudet

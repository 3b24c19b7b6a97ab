// Which of two numbers is the larger.
#pragma once

#include "host_device.h"

namespace edudet {

// Whether `value` replaces `best` as the largest. The first of equals stays; NaN counts as larger
// than all, as in torch.max. No branches, so that loops over it vectorise.
template <typename T>
EDUDET_HD bool exceeds(T value, T best) {
  return (value > best) | ((value != value) & (best == best));
}

}  // namespace edudet

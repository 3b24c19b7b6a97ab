// Device memory as the checker knows it: named regions.
#pragma once
#include <stddef.h>

#include "engine.h"

namespace edudet::emulator {

// Tells the checker that a kernel may touch these bytes, and under which name to report them.
// `initialised`: the caller has written them; otherwise reading comes only after a kernel's write
// or cudaMemset. Announcing it again replaces it. Does nothing while no check is running.
EDUDET_API void announce(const void* data, size_t bytes, const char* name, bool initialised);

// The operator has ended, and its memory may become something else.
EDUDET_API void forget_announced();

}  // namespace edudet::emulator

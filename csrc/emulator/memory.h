// Device memory as the checker knows it: named regions.
#pragma once
#include <stddef.h>

#include "engine.h"

namespace edudet::emulator {

// Tells the checker that a kernel may touch these bytes, and under which name to report them.
// `initialised`: the caller has written them; otherwise reading comes only after a kernel's write or
// cudaMemset. Regions last until the call under check ends; announcing one again replaces it. Does
// nothing while no check is running.
EDUDET_API void announce(const void* data, size_t bytes, const char* name, bool initialised);

}  // namespace edudet::emulator

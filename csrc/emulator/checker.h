// The checker: watches every load and store of a kernel that is compiled with -fsanitize=thread.
// The engine tells it what happens around them.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include <string>

#include "engine.h"

namespace edudet::emulator::checker {

extern bool is_on;  // a check is running (it may span several launches)
inline bool on() { return is_on; }

// From start() to finish() launches are watched; `trace_limit` accesses at most are kept in order.
void start(size_t trace_limit);
void finish();

void begin_launch(const char* kernel, const Configuration&, const void* body);
void end_launch();
void begin_block();
void end_block();
void barrier_opened();
void warp_synchronised(int warp, unsigned lanes);
void fence();
void enter_thread(int thread);
void note(char event, Site);  // for the trace: see record.h

void shared_region(const void* data, size_t bytes, const char* name);
void rename_region(const void* data, const char* name);
void written(const void* data, size_t bytes);  // by the host
void forget_region(const void* data);

// A fault that the engine has found. `address`: the instruction, where `site` is not known.
void fault(const char* kind, const std::string& message, Site site, const void* address,
           bool of_thread = false);

// Before every access of a kernel. `from`: the instruction after it. `aligned`: its type demands
// that.
void atomic(const void* data, size_t bytes, const void* from);
void access(const void* data, size_t bytes, bool write, bool aligned, const void* from);

}  // namespace edudet::emulator::checker

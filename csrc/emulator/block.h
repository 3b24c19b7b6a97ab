// The block that is running: what its threads do and what they wait for. Shared by the parts of the
// engine: engine.cpp runs threads, barrier.cpp and warp.cpp let them wait for each other,
// shared.cpp gives them memory.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include <string>
#include <vector>

#include "engine.h"
#include "machine.h"

namespace edudet::emulator {

enum class State : uint8_t {
  kNew,
  kRunning,
  kReady,
  kAtBarrier,
  kAtWarpOperation,
  kAtActiveMask,
  kDone
};

// Lanes that meet in one warp operation. It lives until the last of them has read the result.
struct Meeting {
  unsigned mask = 0, arrived = 0, unread = 0;
  bool open = false;  // lanes may still come
  const char* name = nullptr;
  Site site{nullptr, 0};
  uint64_t values[kWarp];
};

struct Thread {
  State state = State::kNew;
  int fiber = -1;
  Site site{nullptr, 0};
  const char* waits_for = nullptr;
  unsigned active_mask = 0;
};

struct Warp {
  unsigned lanes = 0;  // the lanes that exist
  std::vector<Meeting> meetings;
};

struct Block {
  void (*body)(void*) = nullptr;
  void* arguments = nullptr;
  std::string kernel;
  int size = 0, begun = 0, live = 0, at_barrier = 0;
  int votes = 0, vote_result = 0;  // of __syncthreads_count and its relatives
  bool failed = false;
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  std::vector<int> order;  // in which threads begin
  std::vector<int> ready;  // can go on; the last comes first
  std::vector<int> idle_fibers;
  int fibers = 0;  // that exist
  Random random{0};

  uint64_t launch = 0;  // counts launches

  char* arena = nullptr;  // shared memory: variables from the front, dynamic at kArenaBytes / 2
  size_t arena_used = 0, static_bytes = 0, dynamic_bytes = 0;
};

extern Block block;

// engine.cpp
// The present thread waits in `state`, until somebody has made it ready and resumes it.
void wait(State state, const char* name, Site site);
void make_ready(int thread);
// Notes why the launch has failed; the block runs no further.
void record(cudaError_t code, const char* kind, const std::string& message, Site site,
            const void* address, bool of_thread = false);
std::string text_of_site(Site site);

// barrier.cpp
// Nobody can run. Makes somebody ready, or records why that cannot be.
bool resolve();
bool waits_alike(const Thread& a, const Thread& b);

// warp.cpp
bool answer_active_masks();
bool excuse_ended_lanes();

// shared.cpp
void make_arena();
void fill_shared_memory();

}  // namespace edudet::emulator

// What the parts of the engine know of each other. Kernels do not see this.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include <string>

#include "engine.h"
#include "include/cuda_runtime_api.h"

namespace edudet::emulator {

#ifdef EDUDET_ENGINE
EDUDET_API extern Place place;  // for kernels it is constant: see engine.h
#endif

constexpr int kWarp = 32;
constexpr int kMaxThreads = 1024;
constexpr size_t kSharedBytes = 227 << 10;   // what a block can have at most
constexpr size_t kSharedDefault = 48 << 10;  // and without cudaFuncSetAttribute
constexpr size_t kGap = 4096;                // between two shared variables, to notice overruns
constexpr size_t kArenaBytes = 4 << 20;

struct Options {
  bool shuffle = false;  // run threads and blocks in an order drawn from `seed`
  uint64_t seed = 0;
  double time_limit = 0;  // seconds for one launch; 0: none
};
extern Options options;

// Why a launch failed. `address` is the instruction, where `site` is not known.
struct Failure {
  cudaError_t code = cudaSuccess;
  std::string kind, message, kernel;
  uint3 thread{}, block{};
  bool in_kernel = false, of_thread = false;  // which block, which thread it was
  const void* address = nullptr;
  Site site{nullptr, 0};

  std::string text() const;
};
Failure& last_failure();

// Records a failure of the running kernel, and leaves it for good.
[[noreturn]] void abandon(cudaError_t code, const char* kind, const std::string& message, Site site,
                          const void* address);
void fail_outside(cudaError_t code, const std::string& message);

// Is a kernel running, and has its time run out? (Set by a timer; the engine looks when called.)
bool running();
// `from`: the instruction that called, where it is known.
void check_time(const void* from = nullptr);
void raise_dynamic_limit(size_t bytes);

// faults.cpp: while a guard lives, a segmentation fault, a division by zero or a passed time limit
// in the kernel ends the kernel and not the process.
class FaultGuard {
 public:
  FaultGuard(const void* kernel_code, double time_limit);
  ~FaultGuard();
  FaultGuard(const FaultGuard&) = delete;
  FaultGuard& operator=(const FaultGuard&) = delete;
};
extern volatile bool time_is_up;

std::string text_of(uint3 index);

// A small generator of pseudo-random numbers (splitmix64).
struct Random {
  uint64_t state;
  uint64_t next() {
    uint64_t x = state += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
  }
  uint64_t below(uint64_t n) { return next() % n; }
};

}  // namespace edudet::emulator

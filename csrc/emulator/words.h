// The words of CUDA's language: qualifiers, indices, barriers and warp operations.
#pragma once
#include <stdio.h>

#include "engine.h"

#ifdef EDUDET_WATCHED
#include "watch.h"
// g++ does not tell the checker of a struct that a called function returns straight into memory;
// flattened, kernels call nothing.
#define __global__ __attribute__((flatten))
#else
#define __global__
#endif
#define __device__
#define __host__
#define __constant__
#define __managed__
#define __grid_constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) alignas(n)
// `__shared__` and `<<<>>>` are not macros: edudet/emulator/rewrite.py replaces them.

static const uint3& threadIdx = edudet::emulator::place.thread;
static const uint3& blockIdx = edudet::emulator::place.block;
static const dim3& blockDim = edudet::emulator::place.block_size;
static const dim3& gridDim = edudet::emulator::place.grid;
static constexpr int warpSize = 32;

// Every function below ends with EDUDET_SITE: the caller's file and line.
#define EDUDET_SITE const char *file = __builtin_FILE(), int line = __builtin_LINE()
#define EDUDET_AT \
  ::edudet::emulator::Site { file, line }

inline void __syncthreads(EDUDET_SITE) { edudet::emulator::barrier(true, EDUDET_AT); }
inline int __syncthreads_count(int predicate, EDUDET_SITE) {
  return edudet::emulator::barrier(predicate != 0, EDUDET_AT);
}
inline int __syncthreads_or(int predicate, EDUDET_SITE) {
  return edudet::emulator::barrier(predicate != 0, EDUDET_AT) != 0;
}
inline int __syncthreads_and(int predicate, EDUDET_SITE) {
  return edudet::emulator::barrier(predicate == 0, EDUDET_AT) == 0;
}

inline void __syncwarp(unsigned mask = 0xffffffffu, EDUDET_SITE) {
  edudet::emulator::synchronise_warp(mask, EDUDET_AT);
}
inline unsigned __activemask(EDUDET_SITE) { return edudet::emulator::active_mask(EDUDET_AT); }
inline unsigned __ballot_sync(unsigned mask, int predicate, EDUDET_SITE) {
  return edudet::emulator::ballot(mask, predicate != 0, "__ballot_sync", EDUDET_AT);
}
inline int __any_sync(unsigned mask, int predicate, EDUDET_SITE) {
  return edudet::emulator::ballot(mask, predicate != 0, "__any_sync", EDUDET_AT) != 0;
}
inline int __all_sync(unsigned mask, int predicate, EDUDET_SITE) {
  return edudet::emulator::ballot(mask, predicate == 0, "__all_sync", EDUDET_AT) == 0;
}

namespace edudet::emulator {

template <class T>
uint64_t bits(T value) {
  static_assert(sizeof(T) <= 8, "a warp operation carries at most 8 bytes");
  uint64_t result = 0;
  __builtin_memcpy(&result, &value, sizeof(T));
  return result;
}

template <class T>
T from_bits(uint64_t value) {
  T result;
  __builtin_memcpy(&result, &value, sizeof(T));
  return result;
}

inline unsigned lane() { return place.linear % 32; }

template <class T, class Operation>
T reduce(unsigned mask, T value, const char* name, Site site, Operation operation) {
  uint64_t values[32];
  const unsigned came = exchange(mask, bits(value), values, name, site);
  bool first = true;
  T result = value;
  for (unsigned i = 0; i < 32; i++) {
    if (!(came >> i & 1)) continue;
    result = first ? from_bits<T>(values[i]) : operation(result, from_bits<T>(values[i]));
    first = false;
  }
  return result;
}

}  // namespace edudet::emulator

// A warp may be cut into segments of `width` lanes, which then shuffle among themselves. A lane
// that asks for one outside its segment gets its own value back.
template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, EDUDET_SITE) {
  using namespace edudet::emulator;
  const unsigned from = (lane() & ~(width - 1u)) | (unsigned(source) & (width - 1u));
  return from_bits<T>(shuffle(mask, bits(value), from, "__shfl_sync", EDUDET_AT));
}

template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, EDUDET_SITE) {
  using namespace edudet::emulator;
  const unsigned in_segment = lane() & (width - 1u);
  const unsigned from = in_segment >= delta ? lane() - delta : lane();
  return from_bits<T>(shuffle(mask, bits(value), from, "__shfl_up_sync", EDUDET_AT));
}

template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, EDUDET_SITE) {
  using namespace edudet::emulator;
  const unsigned in_segment = lane() & (width - 1u);
  const unsigned from = in_segment + delta < unsigned(width) ? lane() + delta : lane();
  return from_bits<T>(shuffle(mask, bits(value), from, "__shfl_down_sync", EDUDET_AT));
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32, EDUDET_SITE) {
  using namespace edudet::emulator;
  const unsigned last = lane() | (width - 1u);
  const unsigned wanted = lane() ^ unsigned(lane_mask);
  const unsigned from = wanted <= last ? wanted : lane();
  return from_bits<T>(shuffle(mask, bits(value), from, "__shfl_xor_sync", EDUDET_AT));
}

#define EDUDET_REDUCE(name, T, expression)                                   \
  inline T name(unsigned mask, T value, EDUDET_SITE) {                       \
    return edudet::emulator::reduce(mask, value, #name, EDUDET_AT,           \
                                    [](T a, T b) { return T(expression); }); \
  }
EDUDET_REDUCE(__reduce_add_sync, unsigned, a + b)
EDUDET_REDUCE(__reduce_add_sync, int, unsigned(a) + unsigned(b))
EDUDET_REDUCE(__reduce_min_sync, unsigned, a < b ? a : b)
EDUDET_REDUCE(__reduce_min_sync, int, a < b ? a : b)
EDUDET_REDUCE(__reduce_max_sync, unsigned, a > b ? a : b)
EDUDET_REDUCE(__reduce_max_sync, int, a > b ? a : b)
EDUDET_REDUCE(__reduce_and_sync, unsigned, a& b)
EDUDET_REDUCE(__reduce_or_sync, unsigned, a | b)
EDUDET_REDUCE(__reduce_xor_sync, unsigned, a ^ b)
#undef EDUDET_REDUCE

template <class T>
unsigned __match_any_sync(unsigned mask, T value, EDUDET_SITE) {
  using namespace edudet::emulator;
  uint64_t values[32];
  const unsigned came = exchange(mask, bits(value), values, "__match_any_sync", EDUDET_AT);
  unsigned same = 0;
  for (unsigned i = 0; i < 32; i++) {
    if ((came >> i & 1) && values[i] == bits(value)) same |= 1u << i;
  }
  return same;
}

template <class T>
unsigned __match_all_sync(unsigned mask, T value, int* all, EDUDET_SITE) {
  using namespace edudet::emulator;
  uint64_t values[32];
  const unsigned came = exchange(mask, bits(value), values, "__match_all_sync", EDUDET_AT);
  *all = 1;
  for (unsigned i = 0; i < 32; i++) {
    if ((came >> i & 1) && values[i] != bits(value)) *all = 0;
  }
  return *all ? came : 0;
}

inline void __threadfence() { edudet::emulator::memory_fence(); }
inline void __threadfence_system() { edudet::emulator::memory_fence(); }
inline void __threadfence_block() {}

// A failed assert ends the kernel, not the process. glibc's <assert.h> may be included again and
// defines assert anew each time, but always in terms of __assert_fail.
#define __assert_fail edudet_assert_fail
#include <assert.h>

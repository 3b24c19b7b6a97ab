// What kernels ask of the engine (engine.cpp). No standard header is included here or in the files
// that kernels see: a user's program is to compile in a second.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "vector_types.h"

#ifndef EDUDET_API
#define EDUDET_API __attribute__((visibility("default")))
#endif

// Whether this is compiled with -fsanitize=thread, as g++ and as clang++ say it.
#if defined(__SANITIZE_THREAD__)
#define EDUDET_WATCHED
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define EDUDET_WATCHED
#endif
#endif

// The checker sees the loads and stores of kernels that are compiled with -fsanitize=thread. The
// emulator's own, in functions that are compiled among them, are not its business; noinline,
// because inlined into a watched function they would be watched too.
#ifdef EDUDET_WATCHED
#define EDUDET_UNWATCHED __attribute__((no_sanitize("thread"), noinline))
#else
#define EDUDET_UNWATCHED inline
#endif

typedef struct CUstream_st* cudaStream_t;

namespace edudet::emulator {

// A place in the source. Functions take it as default arguments (__builtin_FILE, __builtin_LINE),
// which the compiler fills in where the function is called.
struct Site {
  const char* file;
  int line;
};

// Who is running now. Kernels read it through threadIdx and friends. For them it is constant: it
// changes only while they are suspended, and then back before they go on. engine.cpp, which does
// not include this declaration, changes it.
struct Place {
  uint3 thread, block;
  dim3 block_size, grid;
  unsigned linear;  // index of the thread in its block; lane = linear % 32, warp = linear / 32
};
#ifndef EDUDET_ENGINE
EDUDET_API extern const Place place;
#endif

struct Configuration {
  dim3 grid, block;
  size_t shared;
  Configuration(dim3 grid, dim3 block, size_t shared = 0, cudaStream_t = nullptr)
      : grid(grid), block(block), shared(shared) {}
};

// Runs thread(arguments) once for every thread of the grid. Failures are kept for cudaGetLastError.
EDUDET_API void launch(const char* kernel, const Configuration&, void (*thread)(void*),
                       void* arguments);

// Waits for the whole block; returns how many threads brought a true predicate.
EDUDET_API int barrier(bool predicate, Site);

// A warp operation: deposits a value, waits for the other lanes in `mask`, and returns those that
// came; `values` then holds what each of them brought.
EDUDET_API unsigned exchange(unsigned mask, uint64_t value, uint64_t values[32], const char* name,
                             Site);
EDUDET_API uint64_t shuffle(unsigned mask, uint64_t value, unsigned source, const char* name, Site);
EDUDET_API unsigned ballot(unsigned mask, bool predicate, const char* name, Site);
EDUDET_API void synchronise_warp(unsigned mask, Site);
EDUDET_API unsigned active_mask(Site);
EDUDET_API void memory_fence();

// Shared memory: `slot` is a static of the variable's own, which the engine numbers.
EDUDET_API void* shared_variable(int* slot, size_t bytes, size_t align, const char* name);
EDUDET_API void* dynamic_shared_memory(const char* name);

// Ends the kernel with an error message; does not return.
[[noreturn]] EDUDET_API void stop(const char* message, Site);

// Tells the checker of an atomic operation that is about to happen; `from` is where it was called.
EDUDET_API void watch_atomic(const volatile void* address, size_t bytes, const void* from);
// The same of a load or a store; `aligned`: its type demands that. See watch.h.
EDUDET_API void watch(const void* address, size_t bytes, bool write, bool aligned,
                      const void* from);

// `__shared__ float tile[32][33];` is rewritten to
// `auto& tile = shared<float[32][33]>("tile", [] {});`: every lambda has a type of its own, so
// every variable has its own `slot`, also in every instance of a template.
template <class T, class Key>
EDUDET_UNWATCHED T& shared(const char* name, Key) {
  static int slot;
  return *static_cast<T*>(shared_variable(&slot, sizeof(T), alignof(T), name));
}

// `extern __shared__ float buffer[];` is rewritten to
// `auto* const buffer = dynamic_shared<float>("buffer");`.
template <class T>
EDUDET_UNWATCHED T* dynamic_shared(const char* name) {
  return static_cast<T*>(dynamic_shared_memory(name));
}

// `k<<<grid, block>>>(a, b)` is rewritten to
// `launcher("k", Configuration(grid, block), [&](auto... a) { k(a...); })(a, b)`.
template <class Kernel>
struct Launcher {
  const char* name;
  Configuration configuration;
  Kernel kernel;

  template <class... Arguments>
  void operator()(Arguments... arguments) const {
    auto thread = [&] { kernel(arguments...); };
    launch(name, configuration, [](void* t) { (*static_cast<decltype(thread)*>(t))(); }, &thread);
  }
};

template <class Kernel>
Launcher<Kernel> launcher(const char* name, const Configuration& configuration, Kernel kernel) {
  return {name, configuration, kernel};
}

}  // namespace edudet::emulator

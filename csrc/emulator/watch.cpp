// The calls that g++ -fsanitize=thread puts before every load and store. Its own runtime, which
// would answer them, is not linked: these functions do, and hand the access to the checker.
#define EDUDET_ENGINE
#include "checker.h"
#include "machine.h"

using edudet::emulator::checker::access;

#define FROM __builtin_return_address(0)

#define EDUDET_WATCH(bytes)                                                                       \
  EDUDET_API void __tsan_read##bytes(void* p) { access(p, bytes, false, true, FROM); }            \
  EDUDET_API void __tsan_write##bytes(void* p) { access(p, bytes, true, true, FROM); }            \
  EDUDET_API void __tsan_unaligned_read##bytes(void* p) { access(p, bytes, false, false, FROM); } \
  EDUDET_API void __tsan_unaligned_write##bytes(void* p) { access(p, bytes, true, false, FROM); } \
  EDUDET_API void __tsan_volatile_read##bytes(void* p) { access(p, bytes, false, true, FROM); }   \
  EDUDET_API void __tsan_volatile_write##bytes(void* p) { access(p, bytes, true, true, FROM); }

// std::atomic and __atomic builtins, for completeness: CUDA's own atomics are in atomics.h.
#define EDUDET_WATCH_ATOMIC(bits, T)                                                               \
  EDUDET_API T __tsan_atomic##bits##_load(const volatile T* p, int) {                              \
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                                   \
  }                                                                                                \
  EDUDET_API void __tsan_atomic##bits##_store(volatile T* p, T v, int) {                           \
    __atomic_store_n(p, v, __ATOMIC_SEQ_CST);                                                      \
  }                                                                                                \
  EDUDET_API T __tsan_atomic##bits##_exchange(volatile T* p, T v, int) {                           \
    return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);                                            \
  }                                                                                                \
  EDUDET_API T __tsan_atomic##bits##_fetch_add(volatile T* p, T v, int) {                          \
    return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);                                             \
  }                                                                                                \
  EDUDET_API T __tsan_atomic##bits##_fetch_sub(volatile T* p, T v, int) {                          \
    return __atomic_fetch_sub(p, v, __ATOMIC_SEQ_CST);                                             \
  }                                                                                                \
  EDUDET_API T __tsan_atomic##bits##_fetch_and(volatile T* p, T v, int) {                          \
    return __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST);                                             \
  }                                                                                                \
  EDUDET_API T __tsan_atomic##bits##_fetch_or(volatile T* p, T v, int) {                           \
    return __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST);                                              \
  }                                                                                                \
  EDUDET_API T __tsan_atomic##bits##_fetch_xor(volatile T* p, T v, int) {                          \
    return __atomic_fetch_xor(p, v, __ATOMIC_SEQ_CST);                                             \
  }                                                                                                \
  EDUDET_API int __tsan_atomic##bits##_compare_exchange_strong(volatile T* p, T* expected, T v,    \
                                                               int, int) {                         \
    return __atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
  }                                                                                                \
  EDUDET_API int __tsan_atomic##bits##_compare_exchange_weak(volatile T* p, T* expected, T v, int, \
                                                             int) {                                \
    return __atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
  }

extern "C" {

EDUDET_API void __tsan_init() {}
EDUDET_API void __tsan_func_entry(void*) {}
EDUDET_API void __tsan_func_exit() {}
EDUDET_API void __tsan_vptr_read(void**) {}
EDUDET_API void __tsan_vptr_update(void**, void*) {}
EDUDET_API void __tsan_atomic_thread_fence(int) {}
EDUDET_API void __tsan_atomic_signal_fence(int) {}

EDUDET_WATCH(1)
EDUDET_WATCH(2)
EDUDET_WATCH(4)
EDUDET_WATCH(8)
EDUDET_WATCH(16)

EDUDET_API void __tsan_read_range(void* p, unsigned long bytes) {
  access(p, bytes, false, false, FROM);
}
EDUDET_API void __tsan_write_range(void* p, unsigned long bytes) {
  access(p, bytes, true, false, FROM);
}

EDUDET_WATCH_ATOMIC(8, unsigned char)
EDUDET_WATCH_ATOMIC(16, unsigned short)
EDUDET_WATCH_ATOMIC(32, unsigned)
EDUDET_WATCH_ATOMIC(64, unsigned long)
}

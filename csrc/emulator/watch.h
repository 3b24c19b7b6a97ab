// The calls that -fsanitize=thread puts before every load and store. Its own runtime, which
// would answer them, is not linked: every watched library brings these functions along, and they
// hand the access to the checker. They are hidden, so that they answer for nobody else, and no
// sanitizer that the process may hold answers for them; weak, as several files of one library may
// bring them.
#pragma once
#include "engine.h"

#if defined(__clang__)  // which would have atomic operations answered by themselves otherwise
#define EDUDET_UNINSTRUMENTED disable_sanitizer_instrumentation, no_sanitize("thread")
#else
#define EDUDET_UNINSTRUMENTED no_sanitize("thread")
#endif
#define EDUDET_ANSWER __attribute__((weak, visibility("hidden"), noinline, EDUDET_UNINSTRUMENTED))

#define EDUDET_ACCESS(name, bytes, write, aligned)                                    \
  EDUDET_ANSWER void __tsan_##name(void* p) {                                         \
    ::edudet::emulator::watch(p, bytes, write, aligned, __builtin_return_address(0)); \
  }
#define EDUDET_WATCH(bytes)                                 \
  EDUDET_ACCESS(read##bytes, bytes, false, true)            \
  EDUDET_ACCESS(write##bytes, bytes, true, true)            \
  EDUDET_ACCESS(unaligned_read##bytes, bytes, false, false) \
  EDUDET_ACCESS(unaligned_write##bytes, bytes, true, false) \
  EDUDET_ACCESS(volatile_read##bytes, bytes, false, true)   \
  EDUDET_ACCESS(volatile_write##bytes, bytes, true, true)

// std::atomic and __atomic builtins, for completeness: CUDA's own atomics are in atomics.h.
#define EDUDET_WATCH_ATOMIC(bits, T)                                                               \
  EDUDET_ANSWER T __tsan_atomic##bits##_load(const volatile void* p, int) {                        \
    return __atomic_load_n(static_cast<const volatile T*>(p), __ATOMIC_SEQ_CST);                   \
  }                                                                                                \
  EDUDET_ANSWER void __tsan_atomic##bits##_store(volatile void* p, T v, int) {                     \
    __atomic_store_n(static_cast<volatile T*>(p), v, __ATOMIC_SEQ_CST);                            \
  }                                                                                                \
  EDUDET_ANSWER T __tsan_atomic##bits##_exchange(volatile void* p, T v, int) {                     \
    return __atomic_exchange_n(static_cast<volatile T*>(p), v, __ATOMIC_SEQ_CST);                  \
  }                                                                                                \
  EDUDET_ANSWER T __tsan_atomic##bits##_fetch_add(volatile void* p, T v, int) {                    \
    return __atomic_fetch_add(static_cast<volatile T*>(p), v, __ATOMIC_SEQ_CST);                   \
  }                                                                                                \
  EDUDET_ANSWER T __tsan_atomic##bits##_fetch_sub(volatile void* p, T v, int) {                    \
    return __atomic_fetch_sub(static_cast<volatile T*>(p), v, __ATOMIC_SEQ_CST);                   \
  }                                                                                                \
  EDUDET_ANSWER T __tsan_atomic##bits##_fetch_and(volatile void* p, T v, int) {                    \
    return __atomic_fetch_and(static_cast<volatile T*>(p), v, __ATOMIC_SEQ_CST);                   \
  }                                                                                                \
  EDUDET_ANSWER T __tsan_atomic##bits##_fetch_or(volatile void* p, T v, int) {                     \
    return __atomic_fetch_or(static_cast<volatile T*>(p), v, __ATOMIC_SEQ_CST);                    \
  }                                                                                                \
  EDUDET_ANSWER T __tsan_atomic##bits##_fetch_xor(volatile void* p, T v, int) {                    \
    return __atomic_fetch_xor(static_cast<volatile T*>(p), v, __ATOMIC_SEQ_CST);                   \
  }                                                                                                \
  EDUDET_ANSWER bool __tsan_atomic##bits##_compare_exchange_strong(                                \
      volatile void* p, void* expected, T v, int, int) {                                           \
    return __atomic_compare_exchange_n(static_cast<volatile T*>(p), static_cast<T*>(expected), v,  \
                                       false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                 \
  }                                                                                                \
  EDUDET_ANSWER bool __tsan_atomic##bits##_compare_exchange_weak(volatile void* p, void* expected, \
                                                                 T v, int, int) {                  \
    return __atomic_compare_exchange_n(static_cast<volatile T*>(p), static_cast<T*>(expected), v,  \
                                       false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                 \
  }                                                                                                \
  EDUDET_ANSWER T __tsan_atomic##bits##_compare_exchange_val(volatile void* p, T expected, T v,    \
                                                             int, int) {                           \
    __atomic_compare_exchange_n(static_cast<volatile T*>(p), &expected, v, false,                  \
                                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                               \
    return expected;                                                                               \
  }

extern "C" {

EDUDET_ANSWER void __tsan_init() {}
EDUDET_ANSWER void __tsan_func_entry(void*) {}
EDUDET_ANSWER void __tsan_func_exit(void*) {}
EDUDET_ANSWER void __tsan_vptr_read(void*) {}
EDUDET_ANSWER void __tsan_vptr_update(void*, void*) {}
EDUDET_ANSWER void __tsan_atomic_thread_fence(int) {}
EDUDET_ANSWER void __tsan_atomic_signal_fence(int) {}

EDUDET_WATCH(1)
EDUDET_WATCH(2)
EDUDET_WATCH(4)
EDUDET_WATCH(8)
EDUDET_WATCH(16)

EDUDET_ANSWER void __tsan_read_range(void* p, size_t bytes) {
  ::edudet::emulator::watch(p, bytes, false, false, __builtin_return_address(0));
}
EDUDET_ANSWER void __tsan_write_range(void* p, size_t bytes) {
  ::edudet::emulator::watch(p, bytes, true, false, __builtin_return_address(0));
}

// clang++ has the builtin copies go through these.
EDUDET_ANSWER void* __tsan_memcpy(void* to, const void* from, size_t bytes) {
  ::edudet::emulator::watch(from, bytes, false, false, __builtin_return_address(0));
  ::edudet::emulator::watch(to, bytes, true, false, __builtin_return_address(0));
  return __builtin_memcpy(to, from, bytes);
}
EDUDET_ANSWER void* __tsan_memmove(void* to, const void* from, size_t bytes) {
  ::edudet::emulator::watch(from, bytes, false, false, __builtin_return_address(0));
  ::edudet::emulator::watch(to, bytes, true, false, __builtin_return_address(0));
  return __builtin_memmove(to, from, bytes);
}
EDUDET_ANSWER void* __tsan_memset(void* to, int value, size_t bytes) {
  ::edudet::emulator::watch(to, bytes, true, false, __builtin_return_address(0));
  return __builtin_memset(to, value, bytes);
}

EDUDET_WATCH_ATOMIC(8, unsigned char)
EDUDET_WATCH_ATOMIC(16, unsigned short)
EDUDET_WATCH_ATOMIC(32, unsigned)
EDUDET_WATCH_ATOMIC(64, unsigned long)
}

#undef EDUDET_WATCH_ATOMIC
#undef EDUDET_WATCH
#undef EDUDET_ACCESS
#undef EDUDET_ANSWER
#undef EDUDET_UNINSTRUMENTED

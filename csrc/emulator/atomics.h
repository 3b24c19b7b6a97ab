// Atomic operations. One thread of the machine runs all the threads of a kernel, so that a plain
// read, change and write is atomic; the checker must only be told that it was meant so.
//
// As in CUDA only certain types are allowed: an atomicAdd on int64_t does not compile there either.
#pragma once
#include "engine.h"

namespace edudet::emulator {

template <class A, class B>
inline constexpr bool same_type = false;
template <class A>
inline constexpr bool same_type<A, A> = true;
template <class T, class... Allowed>
inline constexpr bool one_of = (same_type<T, Allowed> || ...);
// Takes part in no deduction: atomicAdd(float*, 1) is to convert the 1.
template <class T>
struct Plain {
  using type = T;
};
template <class T>
using Same = typename Plain<T>::type;

}  // namespace edudet::emulator

struct __half;
struct __nv_bfloat16;

#ifdef EDUDET_WATCHED
#define EDUDET_ATOMIC(address) \
  ::edudet::emulator::watch_atomic(address, sizeof *(address), __builtin_return_address(0))
#else
#define EDUDET_ATOMIC(address) (void)0
#endif

#define EDUDET_ATOMIC_FUNCTION(name, expression, ...)                                     \
  template <class T>                                                                      \
  EDUDET_UNWATCHED T name(T* address, ::edudet::emulator::Same<T> value) {                \
    static_assert(::edudet::emulator::one_of<T, __VA_ARGS__>, #name " has no such type"); \
    EDUDET_ATOMIC(address);                                                               \
    const T old = *address;                                                               \
    *address = expression;                                                                \
    return old;                                                                           \
  }                                                                                       \
  template <class T>                                                                      \
  EDUDET_UNWATCHED T name##_block(T* address, ::edudet::emulator::Same<T> value) {        \
    static_assert(::edudet::emulator::one_of<T, __VA_ARGS__>, #name " has no such type"); \
    EDUDET_ATOMIC(address);                                                               \
    const T old = *address;                                                               \
    *address = expression;                                                                \
    return old;                                                                           \
  }

EDUDET_ATOMIC_FUNCTION(atomicAdd, T(old + value), int, unsigned, unsigned long long, float, double,
                       __half, __nv_bfloat16)
EDUDET_ATOMIC_FUNCTION(atomicSub, T(old - value), int, unsigned)
EDUDET_ATOMIC_FUNCTION(atomicMax, old > value ? old : value, int, unsigned, long long,
                       unsigned long long)
EDUDET_ATOMIC_FUNCTION(atomicMin, old < value ? old : value, int, unsigned, long long,
                       unsigned long long)
EDUDET_ATOMIC_FUNCTION(atomicAnd, T(old& value), int, unsigned, unsigned long long)
EDUDET_ATOMIC_FUNCTION(atomicOr, T(old | value), int, unsigned, unsigned long long)
EDUDET_ATOMIC_FUNCTION(atomicXor, T(old ^ value), int, unsigned, unsigned long long)
EDUDET_ATOMIC_FUNCTION(atomicExch, value, int, unsigned, unsigned long long, float)
EDUDET_ATOMIC_FUNCTION(atomicInc, old >= value ? 0 : old + 1, unsigned)
EDUDET_ATOMIC_FUNCTION(atomicDec, old == 0 || old > value ? value : old - 1, unsigned)
#undef EDUDET_ATOMIC_FUNCTION

template <class T>
EDUDET_UNWATCHED T atomicCAS(T* address, edudet::emulator::Same<T> compare,
                             edudet::emulator::Same<T> value) {
  static_assert(edudet::emulator::one_of<T, int, unsigned, unsigned long long, unsigned short>,
                "atomicCAS has no such type");
  EDUDET_ATOMIC(address);
  const T old = *address;
  if (old == compare) *address = value;
  return old;
}

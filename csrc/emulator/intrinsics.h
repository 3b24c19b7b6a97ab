// CUDA's arithmetic functions. Where CUDA has a fast approximation (__expf, __fdividef) this is the
// exact function: a GPU's last bits differ there.
#pragma once
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

// Bits.
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline int __clz(int x) { return x ? __builtin_clz(unsigned(x)) : 32; }
inline int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)x) : 64; }

inline unsigned long long __brevll(unsigned long long x) {
  unsigned long long reversed = 0;
  for (int i = 0; i < 64; i++) reversed |= (x >> i & 1) << (63 - i);
  return reversed;
}
inline unsigned __brev(unsigned x) { return unsigned(__brevll(x) >> 32); }

inline unsigned __umulhi(unsigned a, unsigned b) {
  return unsigned((unsigned long long)a * b >> 32);
}
inline int __mulhi(int a, int b) { return int((long long)a * b >> 32); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return (unsigned long long)((unsigned __int128)a * b >> 64);
}
inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
  const unsigned long long bytes = (unsigned long long)y << 32 | x;
  unsigned result = 0;
  for (int i = 0; i < 4; i++) {
    result |= unsigned(bytes >> 8 * (selector >> 4 * i & 7) & 0xff) << 8 * i;
  }
  return result;
}
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  return unsigned(((unsigned long long)high << 32 | low) << (shift & 31) >> 32);
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  return unsigned(((unsigned long long)high << 32 | low) >> (shift & 31));
}

#define EDUDET_REINTERPRET(name, From, To)         \
  inline To name(From x) {                         \
    static_assert(sizeof(From) == sizeof(To), ""); \
    To result;                                     \
    __builtin_memcpy(&result, &x, sizeof x);       \
    return result;                                 \
  }
EDUDET_REINTERPRET(__float_as_int, float, int)
EDUDET_REINTERPRET(__float_as_uint, float, unsigned)
EDUDET_REINTERPRET(__int_as_float, int, float)
EDUDET_REINTERPRET(__uint_as_float, unsigned, float)
EDUDET_REINTERPRET(__double_as_longlong, double, long long)
EDUDET_REINTERPRET(__longlong_as_double, long long, double)
#undef EDUDET_REINTERPRET

// Loads and stores with a hint for the cache, which there is none of here.
template <class T>
__attribute__((always_inline)) inline T __ldg(const T* address) {
  return *address;
}
template <class T>
__attribute__((always_inline)) inline T __ldcs(const T* address) {
  return *address;
}
template <class T>
__attribute__((always_inline)) inline void __stcs(T* address, T value) {
  *address = value;
}

// min and max of any two numbers, converted as + would convert them.
template <class A, class B>
constexpr auto min(A a, B b) -> decltype(a + b) {
  using T = decltype(a + b);
  return T(b) < T(a) ? T(b) : T(a);
}
template <class A, class B>
constexpr auto max(A a, B b) -> decltype(a + b) {
  using T = decltype(a + b);
  return T(a) < T(b) ? T(b) : T(a);
}
// CUDA's own: a NaN loses against a number.
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }
inline unsigned umin(unsigned a, unsigned b) { return a < b ? a : b; }
inline unsigned umax(unsigned a, unsigned b) { return a > b ? a : b; }

inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float rsqrt(float x) { return rsqrtf(x); }
inline float rcbrtf(float x) { return 1.0f / cbrtf(x); }
inline float sinpif(float x) { return float(sin(M_PI * x)); }
inline float cospif(float x) { return float(cos(M_PI * x)); }
inline float normcdff(float x) { return 0.5f * erfcf(-x * 0.70710678f); }
inline float saturate(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }
inline float __saturatef(float x) { return saturate(x); }

inline float __expf(float x) { return expf(x); }
inline float __exp10f(float x) { return powf(10.0f, x); }
inline float __logf(float x) { return logf(x); }
inline float __log2f(float x) { return log2f(x); }
inline float __log10f(float x) { return log10f(x); }
inline float __powf(float x, float y) { return powf(x, y); }
inline float __sinf(float x) { return sinf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __tanf(float x) { return tanf(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float fdividef(float a, float b) { return a / b; }

// Rounded to nearest, never contracted to a fused multiply-add. (-ffp-contract=off everywhere.)
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __frsqrt_rn(float x) { return 1.0f / sqrtf(x); }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __dsqrt_rn(double x) { return sqrt(x); }
inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }

// To an integer as a GPU does it: saturating, NaN to 0. (In C++ this is undefined.)
namespace edudet::emulator {
template <class Integer, class Float>
Integer to_integer(Float x, Integer lowest, Integer highest) {
  if (x != x) return 0;
  if (x <= Float(lowest)) return lowest;
  if (x >= Float(highest)) return highest;
  return Integer(x);
}
}  // namespace edudet::emulator
#define EDUDET_TO_INTEGER(name, Float, Integer, lowest, highest)             \
  inline Integer __##name##_rn(Float x) {                                    \
    return edudet::emulator::to_integer<Integer>(rint(x), lowest, highest);  \
  }                                                                          \
  inline Integer __##name##_rz(Float x) {                                    \
    return edudet::emulator::to_integer<Integer>(trunc(x), lowest, highest); \
  }                                                                          \
  inline Integer __##name##_rd(Float x) {                                    \
    return edudet::emulator::to_integer<Integer>(floor(x), lowest, highest); \
  }                                                                          \
  inline Integer __##name##_ru(Float x) {                                    \
    return edudet::emulator::to_integer<Integer>(ceil(x), lowest, highest);  \
  }
EDUDET_TO_INTEGER(float2int, float, int, INT_MIN, INT_MAX)
EDUDET_TO_INTEGER(float2uint, float, unsigned, 0u, UINT_MAX)
EDUDET_TO_INTEGER(float2ll, float, long long, LLONG_MIN, LLONG_MAX)
EDUDET_TO_INTEGER(double2int, double, int, INT_MIN, INT_MAX)
EDUDET_TO_INTEGER(double2ll, double, long long, LLONG_MIN, LLONG_MAX)
#undef EDUDET_TO_INTEGER
inline float __int2float_rn(int x) { return float(x); }
inline float __uint2float_rn(unsigned x) { return float(x); }
inline float __ll2float_rn(long long x) { return float(x); }
inline double __int2double_rn(int x) { return double(x); }
inline float __double2float_rn(double x) { return float(x); }

inline void __trap() { edudet::emulator::stop("__trap", {nullptr, 0}); }
inline void __nanosleep(unsigned) {}
inline long long clock64() { return 0; }

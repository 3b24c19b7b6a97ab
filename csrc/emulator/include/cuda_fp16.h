// __half and its functions: float arithmetic, rounded once at the end, as the hardware rounds it.
#pragma once
#include "../../common/half.h"
#include "cuda_runtime.h"

#define EDUDET_16BIT(T, Storage)                                                         \
  struct alignas(2) T {                                                                  \
    edudet::Storage value;                                                               \
    T() = default;                                                                       \
    T(float x) : value(edudet::narrow<edudet::Storage>(x)) {}                            \
    T(double x) : T(float(x)) {}                                                         \
    T(int x) : T(float(x)) {}                                                            \
    T(unsigned x) : T(float(x)) {}                                                       \
    operator float() const { return edudet::widen(value); }                              \
    T& operator+=(T b) { return *this = T(float(*this) + float(b)); }                    \
    T& operator-=(T b) { return *this = T(float(*this) - float(b)); }                    \
    T& operator*=(T b) { return *this = T(float(*this) * float(b)); }                    \
    T& operator/=(T b) { return *this = T(float(*this) / float(b)); }                    \
  };                                                                                     \
  struct alignas(4) T##2 { T x, y; };                                                    \
  inline T operator+(T a, T b) { return T(float(a) + float(b)); }                        \
  inline T operator-(T a, T b) { return T(float(a) - float(b)); }                        \
  inline T operator*(T a, T b) { return T(float(a) * float(b)); }                        \
  inline T operator/(T a, T b) { return T(float(a) / float(b)); }                        \
  inline T operator-(T a) { return T(-float(a)); }                                       \
  inline bool operator==(T a, T b) { return float(a) == float(b); }                      \
  inline bool operator!=(T a, T b) { return float(a) != float(b); }                      \
  inline bool operator<(T a, T b) { return float(a) < float(b); }                        \
  inline bool operator<=(T a, T b) { return float(a) <= float(b); }                      \
  inline bool operator>(T a, T b) { return float(a) > float(b); }                        \
  inline bool operator>=(T a, T b) { return float(a) >= float(b); }                      \
  inline T __hadd(T a, T b) { return a + b; }                                            \
  inline T __hsub(T a, T b) { return a - b; }                                            \
  inline T __hmul(T a, T b) { return a * b; }                                            \
  inline T __hdiv(T a, T b) { return a / b; }                                            \
  inline T __hneg(T a) { return -a; }                                                    \
  inline T __habs(T a) { return T(fabsf(float(a))); }                                    \
  /* The product is exact in double, so that one rounding to T remains. */               \
  inline T __hfma(T a, T b, T c) { return T(float(double(a) * double(b) + double(c))); } \
  inline T __hmax(T a, T b) { return T(fmaxf(float(a), float(b))); }                     \
  inline T __hmin(T a, T b) { return T(fminf(float(a), float(b))); }                     \
  inline bool __heq(T a, T b) { return a == b; }                                         \
  inline bool __hne(T a, T b) { return a != b; }                                         \
  inline bool __hlt(T a, T b) { return a < b; }                                          \
  inline bool __hle(T a, T b) { return a <= b; }                                         \
  inline bool __hgt(T a, T b) { return a > b; }                                          \
  inline bool __hge(T a, T b) { return a >= b; }                                         \
  inline bool __hisnan(T a) { return isnan(float(a)); }                                  \
  inline T hsqrt(T a) { return T(sqrtf(float(a))); }                                     \
  inline T hrsqrt(T a) { return T(rsqrtf(float(a))); }                                   \
  inline T hexp(T a) { return T(expf(float(a))); }                                       \
  inline T hlog(T a) { return T(logf(float(a))); }                                       \
  inline T##2 __hadd2(T##2 a, T##2 b) { return {a.x + b.x, a.y + b.y}; }                 \
  inline T##2 __hsub2(T##2 a, T##2 b) { return {a.x - b.x, a.y - b.y}; }                 \
  inline T##2 __hmul2(T##2 a, T##2 b) { return {a.x * b.x, a.y * b.y}; }                 \
  inline T##2 __hfma2(T##2 a, T##2 b, T##2 c) {                                          \
    return {__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y)};                               \
  }

EDUDET_16BIT(__half, Half)

typedef __half half;
typedef __half2 half2;

inline __half __float2half(float x) { return __half(x); }
inline __half __float2half_rn(float x) { return __half(x); }
inline __half __double2half(double x) { return __half(float(x)); }
inline float __half2float(__half x) { return float(x); }
inline __half __int2half_rn(int x) { return __half(float(x)); }
inline int __half2int_rn(__half x) { return __float2int_rn(float(x)); }
inline int __half2int_rz(__half x) { return __float2int_rz(float(x)); }
inline __half __ushort_as_half(unsigned short bits) {
  __half x;
  x.value.bits = bits;
  return x;
}
inline unsigned short __half_as_ushort(__half x) { return x.value.bits; }
inline __half2 make_half2(__half x, __half y) { return {x, y}; }
inline __half2 __halves2half2(__half x, __half y) { return {x, y}; }
inline __half2 __half2half2(__half x) { return {x, x}; }
inline __half2 __float2half2_rn(float x) { return {__half(x), __half(x)}; }
inline __half2 __floats2half2_rn(float x, float y) { return {__half(x), __half(y)}; }
inline __half2 __float22half2_rn(float2 v) { return {__half(v.x), __half(v.y)}; }
inline float2 __half22float2(__half2 v) { return {float(v.x), float(v.y)}; }
inline __half __low2half(__half2 v) { return v.x; }
inline __half __high2half(__half2 v) { return v.y; }
inline float __low2float(__half2 v) { return float(v.x); }
inline float __high2float(__half2 v) { return float(v.y); }

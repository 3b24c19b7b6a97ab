// CUDA's small vectors: uint3, dim3, float4 and so on, with their make_ functions.
#pragma once

struct uint3 {
  unsigned x, y, z;
};

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
  constexpr operator uint3() const { return {x, y, z}; }
};

// Alignment matters: a float4 at an address that 16 does not divide stops a real GPU.
#define EDUDET_VECTORS(T, name, align2, align4)                                \
  struct name##1 { T x; };                                                     \
  struct alignas(align2) name##2 { T x, y; };                                  \
  struct name##3 { T x, y, z; };                                               \
  struct alignas(align4) name##4 { T x, y, z, w; };                            \
  inline constexpr name##1 make_##name##1(T x) { return {x}; }                 \
  inline constexpr name##2 make_##name##2(T x, T y) { return {x, y}; }         \
  inline constexpr name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; } \
  inline constexpr name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }

EDUDET_VECTORS(signed char, char, 2, 4)
EDUDET_VECTORS(unsigned char, uchar, 2, 4)
EDUDET_VECTORS(short, short, 4, 8)
EDUDET_VECTORS(unsigned short, ushort, 4, 8)
EDUDET_VECTORS(int, int, 8, 16)
EDUDET_VECTORS(float, float, 8, 16)
EDUDET_VECTORS(long long, longlong, 16, 16)
EDUDET_VECTORS(unsigned long long, ulonglong, 16, 16)
EDUDET_VECTORS(double, double, 16, 16)
#undef EDUDET_VECTORS

// uint3 is what threadIdx is made of, so the unsigned vectors are written out.
struct uint1 {
  unsigned x;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline constexpr uint1 make_uint1(unsigned x) { return {x}; }
inline constexpr uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline constexpr uint3 make_uint3(unsigned x, unsigned y, unsigned z) { return {x, y, z}; }
inline constexpr uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) {
  return {x, y, z, w};
}

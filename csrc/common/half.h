// The two 16-bit floating-point types: for storage only. Arithmetic happens after widen().
//
//            sign exponent mantissa
//   Half        1        5       10   IEEE 754 binary16: 3 digits, up to 65504
//   BFloat16    1        8        7   the upper half of a float: 2 digits, the range of a float
#pragma once

#include <cstdint>
#include <cstring>

#include "host_device.h"
#ifdef __CUDA_ARCH__
#include <cuda_fp16.h>
#endif

namespace edudet {

struct Half {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};

// The type in which numbers of type T are added and compared.
template <typename T>
struct Compute {
  using type = T;
};
template <>
struct Compute<Half> {
  using type = float;
};
template <>
struct Compute<BFloat16> {
  using type = float;
};
template <typename T>
using compute_t = typename Compute<T>::type;

EDUDET_HD float float_from_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

EDUDET_HD uint32_t bits_of_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

// Every 16-bit number is a float: widening is exact.
EDUDET_HD float widen(float value) { return value; }
EDUDET_HD double widen(double value) { return value; }
EDUDET_HD float widen(BFloat16 value) { return float_from_bits(uint32_t(value.bits) << 16); }
EDUDET_HD float widen(Half value) {
#ifdef __CUDA_ARCH__
  return __half2float(__ushort_as_half(value.bits));
#else
  // Exponents count from -15 here and from -127 in a float: the multiplication moves them, and
  // makes normal numbers of subnormal ones. All-ones exponents (inf, NaN) stay all ones.
  const uint32_t infinite = (value.bits & 0x7c00) == 0x7c00 ? 0x7f800000u : 0u;
  const float magnitude = float_from_bits(uint32_t(value.bits & 0x7fff) << 13) * 0x1p112f;
  return float_from_bits(bits_of_float(magnitude) | infinite | uint32_t(value.bits & 0x8000) << 16);
#endif
}

// Round to the nearest number of type T, ties to even.
template <typename T>
EDUDET_HD T narrow(compute_t<T> value) {
  return value;
}
template <>
EDUDET_HD BFloat16 narrow<BFloat16>(float value) {
  const uint32_t bits = bits_of_float(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return {0x7fc0};  // adding to a NaN could make it inf
  return {uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}
template <>
EDUDET_HD Half narrow<Half>(float value) {
  const uint32_t bits = bits_of_float(value), magnitude = bits & 0x7fffffff;
  const uint16_t sign = bits >> 16 & 0x8000;
  if (magnitude > 0x7f800000) return {uint16_t(sign | 0x7e00)};   // NaN
  if (magnitude >= 0x47800000) return {uint16_t(sign | 0x7c00)};  // 65536 and more: inf
  if (magnitude < 0x38800000) {  // subnormal: in the sum, 0.5's last bit is worth 2^-24
    const uint32_t sum = bits_of_float(float_from_bits(magnitude) + 0.5f);
    return {uint16_t(sign | (sum - 0x3f000000))};
  }
  return {uint16_t(sign | (magnitude - 0x38000000 + 0xfff + (magnitude >> 13 & 1)) >> 13)};
}

}  // namespace edudet

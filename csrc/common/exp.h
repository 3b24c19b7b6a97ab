// exp of numbers up to 0, in arithmetic that a compiler vectorises (it calls std::exp one by one).
#pragma once

#include <cstdint>
#include <cstring>

#include "host_device.h"

namespace edudet {

// What exp_of_nonpositive must know of a type of number.
template <typename C>
struct ExpOf;
template <>
struct ExpOf<float> {
  using Bits = uint32_t;
  static constexpr int degree = 7, mantissa = 23, bias = 127;
  static constexpr float least = -87.0f, magic = 0x1.8p23f;
  static constexpr float ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
};
template <>
struct ExpOf<double> {
  using Bits = uint64_t;
  static constexpr int degree = 13, mantissa = 52, bias = 1023;
  static constexpr double least = -708.0, magic = 0x1.8p52;
  static constexpr double ln2_high = 0x1.62e42fefap-1, ln2_low = 0x1.cf79abc9e3b39p-40;
};

// exp(z) for z <= 0, to about one unit in the last place; 0 below ExpOf::least; NaN for NaN.
// With z = n ln 2 + r, |r| <= ln 2 / 2: 2^n is an exponent's bits, and a few terms of the Taylor
// series give exp(r).
template <typename C>
EDUDET_HD C exp_of_nonpositive(C z) {
  using E = ExpOf<C>;
  constexpr double factorials[] = {1,        1,         2,          6,          24,
                                   120,      720,       5040.,      40320.,     362880.,
                                   3628800., 39916800., 479001600., 6227020800.};
  // Adding `magic` leaves no bits for a fraction: the sum ends in the bits of n.
  const C sum = (z > E::least ? z : E::least) * C(1.4426950408889634) + E::magic;
  const C n = sum - E::magic;
  const C r = (z - n * E::ln2_high) - n * E::ln2_low;
  C series = C(1 / factorials[E::degree]);
  for (int k = E::degree - 1; k >= 0; --k) series = series * r + C(1 / factorials[k]);
  typename E::Bits bits;
  memcpy(&bits, &sum, sizeof bits);
  bits = (bits << E::mantissa) + (typename E::Bits(E::bias) << E::mantissa);
  C power;
  memcpy(&power, &bits, sizeof power);
  return z < E::least ? C(0) : series * power;
}

}  // namespace edudet

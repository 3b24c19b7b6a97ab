// expect: none error timeout
#include "box_iou.h"
template <int N> struct Tree { Tree<N - 1> left; static const int size = Tree<N - 1>::size + Tree<N - 2>::size; };
template <> struct Tree<0> { static const int size = 1; };
template <> struct Tree<1> { static const int size = 1; };
constexpr long slow(long n) { return n < 2 ? n : slow(n - 1) + slow(n - 2); }
static_assert(slow(60) > Tree<800>::size);
void box_iou(const float* boxes1, int64_t n, const float* boxes2, int64_t m, float* out) {}

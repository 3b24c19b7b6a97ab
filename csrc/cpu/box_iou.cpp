#include "../box_iou.h"

#include <cmath>
#include <vector>

namespace edudet::cpu {
namespace {

// The boxes of one set, one array for each coordinate: then 16 boxes fill a vector register.
template <typename T>
struct Columns {
  std::vector<T> x1, y1, x2, y2, area, angle;

  template <typename In>
  Columns(const In* boxes, int64_t m, bool with_angle)
      : x1(m), y1(m), x2(m), y2(m), area(m), angle(m) {
    for (int64_t j = 0; j < m; ++j) {
      const MeasuredBox<T> b = measure<T>(load_box(boxes + 4 * j), with_angle);
      x1[j] = b.box.x1, y1[j] = b.box.y1, x2[j] = b.box.x2, y2[j] = b.box.y2;
      area[j] = b.area, angle[j] = b.angle;
    }
  }
};

template <IouKind kind, typename T, typename Out>
EDUDET_CLONES void fill_row(const MeasuredBox<T>& a, const T* x1, const T* y1, const T* x2,
                            const T* y2, const T* area, const T* angle, int64_t m, T eps,
                            Out* __restrict out) {
  for (int64_t j = 0; j < m; ++j) {
    const MeasuredBox<T> b{{x1[j], y1[j], x2[j], y2[j]}, area[j], angle[j]};
    out[j] = Out(iou_of_kind<kind>(a, b, eps));
  }
}

template <IouKind kind, typename T, typename Out>
void fill_rows(const T* boxes1, int64_t n, const T* boxes2, int64_t m, double eps, Out* out,
               int64_t begin, int64_t end) {
  using C = compute_t<T>;
  const bool with_angle = kind == IouKind::complete;
  for (int64_t row = begin; row < end;) {
    const int64_t image = row / n, last = (image + 1) * n < end ? (image + 1) * n : end;
    const Columns<C> b(boxes2 + 4 * m * image, m, with_angle);
    for (; row < last; ++row) {
      fill_row<kind, C>(measure<C>(load_box(boxes1 + 4 * row), with_angle), b.x1.data(),
                        b.y1.data(), b.x2.data(), b.y2.data(), b.area.data(), b.angle.data(), m,
                        C(eps), out + row * m);
    }
  }
}

}  // namespace

template <typename T>
int64_t find_invalid_box(const T* boxes, int64_t n) {
  int64_t i = 0;
  while (i < n && is_valid(load_box(boxes + 4 * i))) ++i;
  return i;
}

template <typename T, typename Out>
void box_iou(const T* boxes1, int64_t n, const T* boxes2, int64_t m, IouKind kind, double eps,
             Out* out, int64_t begin, int64_t end) {
  const auto fill = kind == IouKind::iou           ? fill_rows<IouKind::iou, T, Out>
                    : kind == IouKind::generalized ? fill_rows<IouKind::generalized, T, Out>
                    : kind == IouKind::distance    ? fill_rows<IouKind::distance, T, Out>
                                                   : fill_rows<IouKind::complete, T, Out>;
  fill(boxes1, n, boxes2, m, eps, out, begin, end);
}

#define INSTANTIATE(T, Out)                                                                   \
  template void box_iou(const T*, int64_t, const T*, int64_t, IouKind, double, Out*, int64_t, \
                        int64_t);
INSTANTIATE(float, float)
INSTANTIATE(double, double)
INSTANTIATE(double, float)
INSTANTIATE(Half, float)
INSTANTIATE(BFloat16, float)

template int64_t find_invalid_box(const float*, int64_t);
template int64_t find_invalid_box(const double*, int64_t);
template int64_t find_invalid_box(const Half*, int64_t);
template int64_t find_invalid_box(const BFloat16*, int64_t);

}  // namespace edudet::cpu

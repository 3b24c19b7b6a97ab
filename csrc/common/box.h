// What a box is, for host and device alike. This is the only place in csrc/ where an area, an
// overlap or one of the IoU family is computed. No branches, so that loops over it vectorise.
#pragma once

#include <cmath>

#include "half.h"
#include "host_device.h"

namespace edudet {

// x1, y1, x2, y2 in pixels; width = x2 - x1.
template <typename T>
struct Box {
  T x1, y1, x2, y2;
};

template <typename T>
EDUDET_HD Box<compute_t<T>> load_box(const T* box) {
  return {widen(box[0]), widen(box[1]), widen(box[2]), widen(box[3])};
}

template <typename T>
EDUDET_HD T larger(T a, T b) {
  return a > b ? a : b;
}
template <typename T>
EDUDET_HD T smaller(T a, T b) {
  return a < b ? a : b;
}
template <typename T>
EDUDET_HD T squared(T a) {
  return a * a;
}

template <typename T>
EDUDET_HD T area(const Box<T>& box) {
  return (box.x2 - box.x1) * (box.y2 - box.y1);
}

// Each side is clamped before they are multiplied: two negative sides make a positive area.
template <typename T>
EDUDET_HD T intersection(const Box<T>& a, const Box<T>& b) {
  const T width = larger(smaller(a.x2, b.x2) - larger(a.x1, b.x1), T(0));
  const T height = larger(smaller(a.y2, b.y2) - larger(a.y1, b.y1), T(0));
  return width * height;
}

// 0 / 0 is 0 here: a ratio of empty things counts as none.
template <typename T>
EDUDET_HD T ratio(T part, T whole) {
  const T quotient = part / whole;
  return whole > T(0) ? quotient : T(0);
}

template <typename T>
EDUDET_HD T iou(const Box<T>& a, T area_a, const Box<T>& b, T area_b) {
  const T inter = intersection(a, b);
  return ratio(inter, area_a + area_b - inter);
}

// Finite, not inverted, and of an area that T can hold. (Comparisons with NaN are false.)
template <typename T>
EDUDET_HD bool is_valid(const Box<T>& box) {
  return box.x2 - box.x1 >= T(0) && box.y2 - box.y1 >= T(0) && area(box) - area(box) == T(0) &&
         box.x1 - box.x1 == T(0) && box.y1 - box.y1 == T(0);
}

enum class IouKind { iou, generalized, distance, complete };

// A box with what the IoU family needs of it, computed once per box and not once per pair.
// `angle` is atan2(width, height): the aspect ratio of complete IoU, 0 for an empty box.
template <typename T>
struct MeasuredBox {
  Box<T> box;
  T area, angle;
};

template <typename T>
EDUDET_HD MeasuredBox<T> measure(const Box<T>& box, bool with_angle) {
  return {box, area(box), with_angle ? T(atan2(box.x2 - box.x1, box.y2 - box.y1)) : T(0)};
}

// generalized (Rezatofighi et al., 2019): IoU - (share of the enclosing box that neither fills)
// distance (Zheng et al., 2020):  IoU - (distance of the centres / diagonal of the enclosing box)^2
// complete (Zheng et al., 2020):  distance - alpha v, where v compares the aspect ratios
template <IouKind kind, typename T>
EDUDET_HD T iou_of_kind(const MeasuredBox<T>& a, const MeasuredBox<T>& b, T eps) {
  const T inter = intersection(a.box, b.box);
  const T together = a.area + b.area - inter;
  const T overlap = ratio(inter, together);
  if (kind == IouKind::iou) return overlap;
  const T width = larger(a.box.x2, b.box.x2) - smaller(a.box.x1, b.box.x1);
  const T height = larger(a.box.y2, b.box.y2) - smaller(a.box.y1, b.box.y1);
  if (kind == IouKind::generalized)
    return overlap - ratio(width * height - together, width * height);
  const T dx = (a.box.x1 + a.box.x2) / T(2) - (b.box.x1 + b.box.x2) / T(2);
  const T dy = (a.box.y1 + a.box.y2) / T(2) - (b.box.y1 + b.box.y2) / T(2);
  const T distance =
      overlap - ratio(squared(dx) + squared(dy), squared(width) + squared(height) + eps);
  if (kind == IouKind::distance) return distance;
  const T v = T(0.40528473456935108578) * squared(a.angle - b.angle);  // 4 / pi^2
  return distance - ratio(squared(v), T(1) - overlap + v + eps);
}

}  // namespace edudet

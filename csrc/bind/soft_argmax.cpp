#include "../soft_argmax.h"

#include <algorithm>
#include <tuple>

#include "tensor.h"

namespace edudet {
namespace {

MapShape shape_of(const char* op, const Tensor& maps, bool normalized, int64_t axes) {
  require(maps.dim() == 4 && axes >= 1 && axes <= 3, op,
          ": maps must have shape (N, D, H, W) and one to three axes");
  const MapShape shape{maps.size(1), maps.size(2), maps.size(3), axes, normalized};
  require(maps.size(0) == 0 || shape.cells() > 0, op, ": maps must have at least one cell");
  return shape;
}

// A few tens of microseconds.
int64_t maps_per_task(const MapShape& shape) {
  return 1 + 16384 / std::max<int64_t>(shape.cells(), 1);
}

// The dtype of sums: float32 for 16-bit maps.
ScalarType sum_dtype(const Tensor& maps) {
  return maps.scalar_type() == ScalarType::Double ? ScalarType::Double : ScalarType::Float;
}

std::tuple<Tensor, Tensor> soft_argmax(const Tensor& maps, double beta, bool normalized,
                                       int64_t axes) {
  const MapShape shape = shape_of("soft_argmax", maps, normalized, axes);
  const Tensor dense = torch::stable::contiguous(maps);
  const int64_t n = maps.size(0);
  Tensor out = torch::stable::new_empty(maps, {n, axes}, sum_dtype(maps));
  Tensor softmax = torch::stable::new_empty(maps, {n, shape.state_size()}, sum_dtype(maps));
  dispatch("soft_argmax", maps, [&](auto zero) {
    using T = decltype(zero);
    using C = compute_t<T>;
    const T* from = input<T>(dense, "maps");
    C *to = output<C>(out, "out"), *state = output<C>(softmax, "softmax");
    torch::stable::parallel_for(0, n, maps_per_task(shape), [&](int64_t begin, int64_t end) {
      cpu::soft_argmax(from, shape, beta, to, state, begin, end);
    });
  });
  return {out, softmax};
}

Tensor soft_argmax_backward(const Tensor& grad, const Tensor& maps, const Tensor& softmax,
                            double beta, bool normalized) {
  const char* op = "soft_argmax_backward";
  const int64_t n = maps.size(0);
  require(grad.dim() == 2 && grad.size(0) == n, op, ": grad must have shape (N, axes)");
  const MapShape shape = shape_of(op, maps, normalized, grad.size(1));
  require(softmax.dim() == 2 && softmax.size(0) == n && softmax.size(1) == shape.state_size(), op,
          ": softmax must be that of the forward pass");
  require(grad.scalar_type() == sum_dtype(maps) && softmax.scalar_type() == sum_dtype(maps), op,
          ": grad and softmax must have the dtype of sums");
  const Tensor dense = torch::stable::contiguous(maps), slopes = torch::stable::contiguous(grad);
  const Tensor states = torch::stable::contiguous(softmax);
  Tensor grad_maps = torch::stable::new_empty(dense, dense.sizes());
  prefer_big_pages(grad_maps);
  dispatch(op, maps, [&](auto zero) {
    using T = decltype(zero);
    using C = compute_t<T>;
    const C *g = input<C>(slopes, "grad"), *state = input<C>(states, "softmax");
    const T* from = input<T>(dense, "maps");
    T* to = output<T>(grad_maps, "grad_maps");
    torch::stable::parallel_for(0, n, maps_per_task(shape), [&](int64_t begin, int64_t end) {
      cpu::soft_argmax_backward(g, from, state, shape, beta, to, begin, end);
    });
  });
  return grad_maps;
}

}  // namespace

EDUDET_SCHEMAS(m) {
  m.def(
      "soft_argmax(Tensor maps, float beta, bool normalized, int axes) -> (Tensor out, Tensor "
      "softmax)");
  m.def(
      "soft_argmax_backward(Tensor grad, Tensor maps, Tensor softmax, float beta, "
      "bool normalized) -> Tensor");
}
EDUDET_KERNELS(m) {
  m.impl("soft_argmax", TORCH_BOX(&soft_argmax));
  m.impl("soft_argmax_backward", TORCH_BOX(&soft_argmax_backward));
}

}  // namespace edudet

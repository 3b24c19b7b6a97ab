#include "../corner_pool.h"

#include "tensor.h"

namespace edudet {
namespace {

CornerGrid grid_of(const char* op, const Tensor& maps, int64_t down, int64_t right) {
  require(maps.dim() == 4, op, ": input must have shape (N, C, H, W)");
  require(down * down <= 1 && right * right <= 1 && (down || right), op,
          ": directions must be -1, 0 or 1, and not both 0");
  return {maps.size(0) * maps.size(1), maps.size(2), maps.size(3), int(down), int(right)};
}

Tensor new_like(const Tensor& maps) {
  const Tensor out = torch::stable::new_empty(maps, maps.sizes());
  prefer_big_pages(out);
  return out;
}

#ifdef EDUDET_WITH_CUDA

template <typename T>
void forward(const CornerGrid& grid, const Tensor& maps, int64_t kernel, Tensor& out) {
  check_launch("corner_pool", cuda::corner_pool(grid, input<T>(maps, "input"), kernel == 1 ? 1 : 2,
                                                output<T>(out, "out"), current_stream(maps)));
}

template <typename T>
void backward(const CornerGrid& grid, const Tensor& grad, const Tensor& maps, int64_t kernel,
              Tensor& grad_input) {
  using C = compute_t<T>;
  const auto dtype = sizeof(C) == 8 ? ScalarType::Double : ScalarType::Float;
  const T *from = input<T>(grad, "grad"), *values = input<T>(maps, "input");
  if (kernel == 1) {
    const Tensor sums = torch::stable::new_zeros(grad_input, grad_input.sizes(), dtype);
    check_launch("corner_pool_backward",
                 cuda::corner_pool_backward_1(grid, from, values, output<C>(sums, "sums", true),
                                              current_stream(grad)));
    torch::stable::copy_(grad_input, sums);
  } else {
    const Tensor sums = torch::stable::new_empty(grad_input, grad_input.sizes(), dtype);
    check_launch(
        "corner_pool_backward",
        cuda::corner_pool_backward_2(grid, from, values, output<C>(sums, "sums"),
                                     output<T>(grad_input, "grad_input"), current_stream(grad)));
  }
}

#else

template <typename T>
void forward(const CornerGrid& grid, const Tensor& maps, int64_t, Tensor& out) {
  const T* from = input<T>(maps, "input");
  T* to = output<T>(out, "out");
  torch::stable::parallel_for(0, grid.planes, 1, [&](int64_t begin, int64_t end) {
    cpu::corner_pool(grid, from, to, begin, end);
  });
}

template <typename T>
void backward(const CornerGrid& grid, const Tensor& grad, const Tensor& maps, int64_t,
              Tensor& grad_input) {
  const T *from = input<T>(grad, "grad"), *values = input<T>(maps, "input");
  T* to = output<T>(grad_input, "grad_input");
  torch::stable::parallel_for(0, grid.planes, 1, [&](int64_t begin, int64_t end) {
    cpu::corner_pool_backward(grid, from, values, to, begin, end);
  });
}

#endif

Tensor corner_pool(const Tensor& maps, int64_t down, int64_t right, int64_t kernel) {
  const CornerGrid grid = grid_of("corner_pool", maps, down, right);
#ifdef EDUDET_WITH_CUDA
  const DeviceGuard guard(maps);
#endif
  Tensor out = new_like(maps);
  if (maps.numel() == 0) return out;
  const Tensor dense = torch::stable::contiguous(maps);
  dispatch("corner_pool", maps,
           [&](auto zero) { forward<decltype(zero)>(grid, dense, kernel, out); });
  return out;
}

Tensor corner_pool_backward(const Tensor& grad, const Tensor& maps, int64_t down, int64_t right,
                            int64_t kernel) {
  const char* op = "corner_pool_backward";
  const CornerGrid grid = grid_of(op, maps, down, right);
  require(grad.dim() == 4, op, ": grad must have the shape of input");
  for (int64_t d = 0; d < 4; ++d)
    require(grad.size(d) == maps.size(d), op, ": grad must have the shape of input");
  require(grad.scalar_type() == maps.scalar_type() && grad.device() == maps.device(), op,
          ": grad must have the dtype and the device of input");
#ifdef EDUDET_WITH_CUDA
  const DeviceGuard guard(maps);
#endif
  Tensor out = new_like(maps);
  if (maps.numel() == 0) return out;
  const Tensor gradients = torch::stable::contiguous(grad), dense = torch::stable::contiguous(maps);
  dispatch(op, maps,
           [&](auto zero) { backward<decltype(zero)>(grid, gradients, dense, kernel, out); });
  return out;
}

}  // namespace

EDUDET_SCHEMAS(m) {
  m.def("corner_pool(Tensor input, int down, int right, int kernel) -> Tensor");
  m.def(
      "corner_pool_backward(Tensor grad, Tensor input, int down, int right, int kernel) -> Tensor");
}
EDUDET_KERNELS(m) {
  m.impl("corner_pool", TORCH_BOX(&corner_pool));
  m.impl("corner_pool_backward", TORCH_BOX(&corner_pool_backward));
}

}  // namespace edudet

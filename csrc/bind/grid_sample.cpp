#include "../grid_sample.h"

#include <algorithm>
#include <tuple>

#include "tensor.h"

namespace edudet {
namespace {

constexpr int64_t kMostCells = int64_t(1) << 31, kMostOnSide = int64_t(1) << 24;

GridShape checked_shape(const char* op, const Tensor& maps, const Tensor& grid, int64_t mode,
                        int64_t padding, bool align_corners) {
  require(maps.dim() == 4 || maps.dim() == 5, op,
          ": input must have shape (N, C, H, W) or (N, C, D, H, W)");
  GridShape shape{maps.size(0), maps.size(1), int(maps.dim()) - 2,
                  {1, 1, 1},    {1, 1, 1},    align_corners};
  require(grid.dim() == maps.dim() && grid.size(0) == shape.images &&
              grid.size(maps.dim() - 1) == shape.axes,
          op, ": grid must have the batch and the number of axes of input");
  require(grid.device() == maps.device(), op, ": grid must be on the device of input");
  const bool is_double = maps.scalar_type() == ScalarType::Double;
  require(grid.scalar_type() == (is_double ? ScalarType::Double : ScalarType::Float), op,
          ": grid must be float64 for a float64 input, else float32");
  for (int a = 0; a < shape.axes; ++a) {  // from the last, x
    shape.in[kMostAxes - 1 - a] = maps.size(maps.dim() - 1 - a);
    shape.out[kMostAxes - 1 - a] = grid.size(grid.dim() - 2 - a);
    require(shape.in[kMostAxes - 1 - a] <= kMostOnSide, op,
            ": input must have at most 2^24 pixels along a side");
  }
  require(shape.in_cells() > 0 && shape.in_cells() < kMostCells, op,
          ": input must have at least one pixel and fewer than 2^31 of them");
  require(mode >= 0 && mode <= 2 && (mode < 2 || shape.axes == 2), op,
          ": mode must be 0, 1 or, for images, 2");
  require(padding >= 0 && padding <= 2, op, ": padding must be 0, 1 or 2");
  return shape;
}

struct Options {
  Sampling mode;
  Padding padding;
  int kernel;
};

#ifdef EDUDET_WITH_CUDA

template <typename T>
void forward(const Tensor& maps, const Tensor& grid, const GridShape& shape, const Options& options,
             Tensor& out) {
  check_launch("grid_sample",
               cuda::grid_sample(input<T>(maps, "input"), input<compute_t<T>>(grid, "grid"), shape,
                                 options.mode, options.padding, options.kernel,
                                 output<T>(out, "out"), current_stream(maps)));
}

template <typename T>
void backward(const Tensor& grad, const Tensor& maps, const Tensor& grid, const GridShape& shape,
              const Options& options, bool to_input, bool to_grid, Tensor& grad_input,
              Tensor& grad_grid) {
  using C = compute_t<T>;
  const auto dtype = sizeof(C) == 8 ? ScalarType::Double : ScalarType::Float;
  const Tensor sums = torch::stable::new_zeros(grad_input, grad_input.sizes(), dtype);
  if (to_grid) torch::stable::zero_(grad_grid);
  check_launch(
      "grid_sample_backward",
      cuda::grid_sample_backward(input<T>(grad, "grad"), input<T>(maps, "input"),
                                 input<C>(grid, "grid"), shape, options.mode, options.padding,
                                 options.kernel, to_input ? output<C>(sums, "sums", true) : nullptr,
                                 to_grid ? output<C>(grad_grid, "grad_grid", true) : nullptr,
                                 current_stream(grad)));
  if (to_input) torch::stable::copy_(grad_input, sums);
}

#else

// Half a millisecond of work is worth waking a thread for, in tasks of 64 points in all channels,
// or of all points in a few channels; about a nanosecond for a point in a channel, three for
// sending.
int64_t grain(const GridShape& shape) { return 1 + 7000 / (2 + shape.channels); }
int64_t grain_of_sending(const GridShape& shape) {
  const int64_t tasks = std::max<int64_t>(cpu::grid_sample_backward_input_tasks(shape), 1);
  const int64_t reads = shape.images * shape.channels * shape.out_cells() / tasks;
  return 1 + 170000 / (1 + reads);
}

template <typename T>
void forward(const Tensor& maps, const Tensor& grid, const GridShape& shape, const Options& options,
             Tensor& out) {
  const T* from = input<T>(maps, "input");
  const auto* points = input<compute_t<T>>(grid, "grid");
  T* to = output<T>(out, "out");
  torch::stable::parallel_for(
      0, cpu::grid_sample_tasks(shape), grain(shape), [&](int64_t begin, int64_t end) {
        cpu::grid_sample<T>(from, points, shape, options.mode, options.padding, to, begin, end);
      });
}

template <typename T>
void backward(const Tensor& grad, const Tensor& maps, const Tensor& grid, const GridShape& shape,
              const Options& options, bool to_input, bool to_grid, Tensor& grad_input,
              Tensor& grad_grid) {
  using C = compute_t<T>;
  const T *slopes = input<T>(grad, "grad"), *from = input<T>(maps, "input");
  const C* points = input<C>(grid, "grid");
  if (to_input) {
    T* to = output<T>(grad_input, "grad_input");
    torch::stable::parallel_for(0, cpu::grid_sample_backward_input_tasks(shape),
                                grain_of_sending(shape), [&](int64_t begin, int64_t end) {
                                  cpu::grid_sample_backward_input<T>(slopes, points, shape,
                                                                     options.mode, options.padding,
                                                                     to, begin, end);
                                });
  }
  if (to_grid) {
    C* to = output<C>(grad_grid, "grad_grid");
    torch::stable::parallel_for(
        0, cpu::grid_sample_tasks(shape), grain(shape), [&](int64_t begin, int64_t end) {
          cpu::grid_sample_backward_grid<T>(slopes, from, points, shape, options.mode,
                                            options.padding, to, begin, end);
        });
  }
}

#endif

Tensor new_output(const Tensor& like, const GridShape& shape) {
  const auto* out = shape.out;
  Tensor memory =
      shape.axes == 2
          ? torch::stable::new_empty(like, {shape.images, shape.channels, out[1], out[2]})
          : torch::stable::new_empty(like, {shape.images, shape.channels, out[0], out[1], out[2]});
  prefer_big_pages(memory);
  return memory;
}

Tensor grid_sample(const Tensor& maps, const Tensor& grid, int64_t mode, int64_t padding,
                   bool align_corners, int64_t kernel) {
  const GridShape shape = checked_shape("grid_sample", maps, grid, mode, padding, align_corners);
#ifdef EDUDET_WITH_CUDA
  const DeviceGuard guard(maps);
#endif
  Tensor out = new_output(maps, shape);
  const Tensor from = torch::stable::contiguous(maps), points = torch::stable::contiguous(grid);
  const Options options{Sampling(mode), Padding(padding), int(kernel)};
  dispatch("grid_sample", maps,
           [&](auto zero) { forward<decltype(zero)>(from, points, shape, options, out); });
  return out;
}

std::tuple<Tensor, Tensor> grid_sample_backward(const Tensor& grad, const Tensor& maps,
                                                const Tensor& grid, int64_t mode, int64_t padding,
                                                bool align_corners, bool to_input, bool to_grid,
                                                int64_t kernel) {
  const char* op = "grid_sample_backward";
  const GridShape shape = checked_shape(op, maps, grid, mode, padding, align_corners);
  bool fits = grad.dim() == maps.dim() && grad.size(0) == shape.images &&
              grad.size(1) == shape.channels && grad.scalar_type() == maps.scalar_type() &&
              grad.device() == maps.device();
  for (int a = 0; fits && a < shape.axes; ++a)
    fits = grad.size(2 + a) == shape.out[kMostAxes - shape.axes + a];
  require(fits, op, ": grad must be like the output of grid_sample");
#ifdef EDUDET_WITH_CUDA
  const DeviceGuard guard(grad);
#endif
  Tensor grad_input =
      to_input ? torch::stable::new_empty(maps, maps.sizes()) : torch::stable::new_empty(maps, {0});
  Tensor grad_grid =
      to_grid ? torch::stable::new_empty(grid, grid.sizes()) : torch::stable::new_empty(grid, {0});
  prefer_big_pages(grad_input);
  const Tensor slopes = torch::stable::contiguous(grad), from = torch::stable::contiguous(maps);
  const Tensor points = torch::stable::contiguous(grid);
  const Options options{Sampling(mode), Padding(padding), int(kernel)};
  dispatch(op, maps, [&](auto zero) {
    backward<decltype(zero)>(slopes, from, points, shape, options, to_input, to_grid, grad_input,
                             grad_grid);
  });
  return {grad_input, grad_grid};
}

}  // namespace

EDUDET_SCHEMAS(m) {
  m.def(
      "grid_sample(Tensor input, Tensor grid, int mode, int padding, bool align_corners, "
      "int kernel) -> Tensor");
  m.def(
      "grid_sample_backward(Tensor grad, Tensor input, Tensor grid, int mode, int padding, "
      "bool align_corners, bool to_input, bool to_grid, int kernel) -> (Tensor, Tensor)");
}
EDUDET_KERNELS(m) {
  m.impl("grid_sample", TORCH_BOX(&grid_sample));
  m.impl("grid_sample_backward", TORCH_BOX(&grid_sample_backward));
}

}  // namespace edudet

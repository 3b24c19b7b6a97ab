#include "../roi_pool.h"

#include <tuple>

#include "maps.h"
#include "rois.h"

namespace edudet {
namespace {

constexpr int64_t kMostCells = int64_t(1) << 31;  // argmax has 32 bits
constexpr int64_t kMostBins = int64_t(1) << 31;   // along a side

void check_arguments(const char* op, const Tensor& maps, const Tensor& rois, const RoiBins& grid) {
  require(maps.dim() == 4, op, ": input must have shape (N, C, H, W)");
  check_rois_beside(op, maps, rois);
  require(grid.rows > 0 && grid.columns > 0, op, ": output_size must be at least 1");
  require(grid.rows < kMostBins && grid.columns < kMostBins, op,
          ": output_size must be less than 2^31");
}

void check_map(const char* op, int64_t num_rois, int64_t height, int64_t width) {
  require(height < kMostCells && width < kMostCells && height * width < kMostCells, op,
          ": input must have fewer than 2^31 cells");
  require(num_rois == 0 || height * width > 0, op, ": input must have at least one cell");
}

// Without a pointer where nobody asked for them.
template <typename Index>
Maps<Index> indices_of(const Tensor& argmax) {
  return maps_of(argmax.numel() ? output<Index>(argmax, "argmax") : nullptr, argmax);
}

#ifdef EDUDET_WITH_CUDA

ScalarType argmax_dtype(int64_t, int64_t) { return ScalarType::Int; }

template <typename T>
void forward(const Tensor& maps, const Tensor& rois, const RoiBins& grid, int64_t kernel,
             Tensor& out, Tensor& argmax) {
  const Tensor dense = kernel == 1 ? torch::stable::contiguous(maps) : with_channels_last(maps);
  check_launch("roi_pool", cuda::roi_pool(maps_of(input<T>(dense, "input"), dense),
                                          input<compute_t<T>>(rois, "boxes"), grid, int(kernel),
                                          maps_of(output<T>(out, "out"), out),
                                          indices_of<int32_t>(argmax), current_stream(maps)));
}

template <typename T>
void backward(const Tensor& grad, const Tensor& argmax, const Tensor& rois, const RoiBins& grid,
              int64_t kernel, Tensor& grad_input) {
  using C = compute_t<T>;
  const auto* boxes = input<C>(rois, "boxes");
  const Tensor from = kernel == 1 ? torch::stable::contiguous(grad) : with_channels_last(grad);
  const Tensor at = kernel == 1 ? torch::stable::contiguous(argmax) : with_channels_last(argmax);
  const auto gradients = maps_of(input<T>(from, "grad"), from);
  const auto indices = maps_of(input<int32_t>(at, "argmax"), at);
  if (kernel == 1) {
    const auto dtype = sizeof(C) == 8 ? ScalarType::Double : ScalarType::Float;
    const Tensor sums = torch::stable::new_zeros(grad_input, grad_input.sizes(), dtype);
    check_launch("roi_pool_backward",
                 cuda::roi_pool_backward_1<T>(gradients, indices, boxes,
                                              maps_of(output<C>(sums, "sums", true), sums),
                                              current_stream(grad)));
    torch::stable::copy_(grad_input, sums);
  } else {
    check_launch("roi_pool_backward",
                 cuda::roi_pool_backward_2(gradients, indices, boxes, grid,
                                           maps_of(output<T>(grad_input, "grad_input"), grad_input),
                                           current_stream(grad)));
  }
}

#else

template <typename C>
cpu::SnapPlan checked_plan(const char* op, const Tensor& rois, int64_t images,
                           const RoiBins& grid) {
  const C* data = input<C>(rois, "boxes");
  cpu::SnapPlan plan(data, rois.size(0), images, grid);
  if (!plan.rois.empty() && plan.rois.back().fault != RoiFault::none) {
    const int64_t k = int64_t(plan.rois.size()) - 1;
    fail_for_roi(op, plan.rois[k].fault, k, data + 5 * k, images);
  }
  return plan;
}

// Half the memory to write and to read. Torch has little use for unsigned numbers: 65535 is -1.
ScalarType argmax_dtype(int64_t height, int64_t width) {
  return height * width <= cpu::kMostSmallCells ? ScalarType::Short : ScalarType::Int;
}

template <typename Visit>
void visit_index(const Tensor& argmax, Visit&& visit) {
  if (argmax.scalar_type() == ScalarType::Short) {
    visit(uint16_t{});
  } else {
    visit(uint32_t{});
  }
}

template <typename T>
void forward(const Tensor& maps, const Tensor& rois, const RoiBins& grid, int64_t, Tensor& out,
             Tensor& argmax) {
  const auto from = maps_of(input<T>(maps, "input"), maps);
  auto plan = checked_plan<compute_t<T>>("roi_pool", rois, maps.size(0), grid);
  const auto to = maps_of(output<T>(out, "out"), out);
  const int64_t tasks = cpu::plan_roi_pool<T>(plan, from);
  visit_index(argmax, [&](auto zero) {
    const auto indices = indices_of<decltype(zero)>(argmax);
    torch::stable::parallel_for(0, tasks, 1, [&](int64_t begin, int64_t end) {
      cpu::roi_pool<T>(plan, from, to, indices, begin, end);
    });
  });
}

template <typename T>
void backward(const Tensor& grad, const Tensor& argmax, const Tensor& rois, const RoiBins& grid,
              int64_t, Tensor& grad_input) {
  const auto to = maps_of(output<T>(grad_input, "grad_input"), grad_input);
  // As the kernel asks: the channels of a map of one cell lie side by side, whatever it is called.
  const bool last = to.channel_stride == 1;
  if (last) torch::stable::zero_(grad_input);
  const Tensor dense = last ? with_channels_last(grad) : torch::stable::contiguous(grad);
  const Tensor at = last ? with_channels_last(argmax) : torch::stable::contiguous(argmax);
  const auto from = maps_of(input<T>(dense, "grad"), dense);
  auto plan = checked_plan<compute_t<T>>("roi_pool_backward", rois, grad_input.size(0), grid);
  const int64_t tasks = cpu::plan_roi_pool_backward<T>(plan, to);
  visit_index(argmax, [&](auto zero) {
    const auto indices = maps_of(input<decltype(zero)>(at, "argmax"), at);
    torch::stable::parallel_for(0, tasks, 1, [&](int64_t begin, int64_t end) {
      cpu::roi_pool_backward<T>(plan, from, indices, to, begin, end);
    });
  });
}

#endif

std::tuple<Tensor, Tensor> roi_pool(const Tensor& maps, const Tensor& rois, double spatial_scale,
                                    int64_t rows, int64_t columns, bool with_argmax,
                                    int64_t kernel) {
  const RoiBins grid{rows, columns, spatial_scale};
  check_arguments("roi_pool", maps, rois, grid);
  const int64_t k = rois.size(0);
  check_map("roi_pool", k, maps.size(2), maps.size(3));
#ifdef EDUDET_WITH_CUDA
  const DeviceGuard guard(maps);
#endif
  const bool last = is_channels_last(maps);
  Tensor out = new_maps(maps, k, maps.size(1), rows, columns, last);
  Tensor argmax = new_maps(maps, with_argmax ? k : 0, maps.size(1), rows, columns, last,
                           argmax_dtype(maps.size(2), maps.size(3)));
  const Tensor r = torch::stable::contiguous(rois);
  dispatch("roi_pool", maps,
           [&](auto zero) { forward<decltype(zero)>(maps, r, grid, kernel, out, argmax); });
  return {out, argmax};
}

Tensor roi_pool_backward(const Tensor& grad, const Tensor& argmax, const Tensor& rois,
                         double spatial_scale, int64_t images, int64_t channels, int64_t height,
                         int64_t width, bool channels_last, int64_t kernel) {
  const char* op = "roi_pool_backward";
  require(grad.dim() == 4, op, ": grad must have shape (K, C, rows, columns)");
  const RoiBins grid{grad.size(2), grad.size(3), spatial_scale};
  check_arguments(op, grad, rois, grid);
  require(argmax.dim() == 4, op, ": argmax must have the shape of grad");
  for (int64_t d = 0; d < 4; ++d)
    require(argmax.size(d) == grad.size(d), op, ": argmax must have the shape of grad");
  const int64_t k = rois.size(0);
  require(grad.size(0) == k && grad.size(1) == channels, op,
          ": grad must have a row for every RoI and the channels of input");
  check_map(op, k, height, width);
  const auto index = argmax.scalar_type();
  require((index == ScalarType::Int || index == argmax_dtype(height, width)) &&
              argmax.device() == grad.device(),
          op, ": argmax must be int32, or as roi_pool returns it, on the device of grad");
#ifdef EDUDET_WITH_CUDA
  const DeviceGuard guard(grad);
#endif
  Tensor out = new_maps(grad, images, channels, height, width, channels_last);
  const Tensor r = torch::stable::contiguous(rois);
  dispatch(op, grad,
           [&](auto zero) { backward<decltype(zero)>(grad, argmax, r, grid, kernel, out); });
  return out;
}

}  // namespace

EDUDET_SCHEMAS(m) {
  m.def(
      "roi_pool(Tensor input, Tensor rois, float spatial_scale, SymInt rows, SymInt columns, "
      "bool with_argmax, int kernel) -> (Tensor, Tensor)");
  m.def(
      "roi_pool_backward(Tensor grad, Tensor argmax, Tensor rois, float spatial_scale, "
      "SymInt images, SymInt channels, SymInt height, SymInt width, bool channels_last, "
      "int kernel) -> Tensor");
}
EDUDET_KERNELS(m) {
  m.impl("roi_pool", TORCH_BOX(&roi_pool));
  m.impl("roi_pool_backward", TORCH_BOX(&roi_pool_backward));
}

}  // namespace edudet

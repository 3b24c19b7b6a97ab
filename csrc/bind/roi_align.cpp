#include "../roi_align.h"

#include "maps.h"
#include "rois.h"

namespace edudet {
namespace {

constexpr int64_t kMostCells = int64_t(1) << 31;  // along a side

void check_arguments(const char* op, const Tensor& maps, const Tensor& rois, const RoiGrid& grid) {
  require(maps.dim() == 4, op, ": input must have shape (N, C, H, W)");
  require(maps.size(2) < kMostCells && maps.size(3) < kMostCells, op,
          ": input must have fewer than 2^31 rows and columns");
  check_rois_beside(op, maps, rois);
  require(grid.rows > 0 && grid.columns > 0, op, ": output_size must be at least 1");
  require(grid.sampling_ratio <= kMostSamples, op, ": sampling_ratio must be at most ",
          kMostSamples);
}

#ifdef EDUDET_WITH_CUDA

template <typename T>
void forward(const Tensor& maps, const Tensor& rois, const RoiGrid& grid, int64_t kernel,
             Tensor& out) {
  const Tensor dense = kernel == 1 ? torch::stable::contiguous(maps) : with_channels_last(maps);
  check_launch("roi_align",
               cuda::roi_align(maps_of(input<T>(dense, "input"), dense),
                               input<compute_t<T>>(rois, "boxes"), grid, int(kernel),
                               maps_of(output<T>(out, "out"), out), current_stream(maps)));
}

template <typename T>
void backward(const Tensor& grad, const Tensor& rois, const RoiGrid& grid, int64_t kernel,
              Tensor& grad_input) {
  using C = compute_t<T>;
  const auto* boxes = input<C>(rois, "boxes");
  if (kernel == 1) {
    const Tensor dense = torch::stable::contiguous(grad);
    const auto dtype = sizeof(C) == 8 ? ScalarType::Double : ScalarType::Float;
    const Tensor sums = torch::stable::new_zeros(grad_input, grad_input.sizes(), dtype);
    check_launch("roi_align_backward",
                 cuda::roi_align_backward_1(maps_of(input<T>(dense, "grad"), dense), boxes, grid,
                                            maps_of(output<C>(sums, "sums", true), sums),
                                            current_stream(grad)));
    torch::stable::copy_(grad_input, sums);
  } else {
    const Tensor dense = with_channels_last(grad);
    check_launch("roi_align_backward", cuda::roi_align_backward_2(
                                           maps_of(input<T>(dense, "grad"), dense), boxes, grid,
                                           maps_of(output<T>(grad_input, "grad_input"), grad_input),
                                           current_stream(grad)));
  }
}

#else

template <typename C>
cpu::RoiPlan<C> checked_plan(const char* op, const Tensor& rois, const Tensor& maps,
                             const RoiGrid& grid) {
  const C* data = input<C>(rois, "boxes");
  const int64_t images = maps.size(0);
  cpu::RoiPlan<C> plan(data, rois.size(0), images, maps.size(2), maps.size(3), grid);
  if (!plan.rois.empty() && plan.rois.back().fault != RoiFault::none) {
    const int64_t k = int64_t(plan.rois.size()) - 1;
    fail_for_roi(op, plan.rois[k].fault, k, data + 5 * k, images);
  }
  return plan;
}

template <typename T>
void forward(const Tensor& maps, const Tensor& rois, const RoiGrid& grid, int64_t, Tensor& out) {
  const auto from = maps_of(input<T>(maps, "input"), maps);
  auto plan = checked_plan<compute_t<T>>("roi_align", rois, maps, grid);
  const auto to = maps_of(output<T>(out, "out"), out);
  torch::stable::parallel_for(
      0, cpu::plan_roi_align<T>(plan, from), 1,
      [&](int64_t begin, int64_t end) { cpu::roi_align<T>(plan, from, to, begin, end); });
}

template <typename T>
void backward(const Tensor& grad, const Tensor& rois, const RoiGrid& grid, int64_t,
              Tensor& grad_input) {
  const auto from = maps_of(input<T>(grad, "grad"), grad);
  const auto to = maps_of(output<T>(grad_input, "grad_input"), grad_input);
  auto plan = checked_plan<compute_t<T>>("roi_align_backward", rois, grad_input, grid);
  torch::stable::parallel_for(
      0, cpu::plan_roi_align_backward<T>(plan, to), 1,
      [&](int64_t begin, int64_t end) { cpu::roi_align_backward<T>(plan, from, to, begin, end); });
}

#endif

Tensor roi_align(const Tensor& maps, const Tensor& rois, double spatial_scale, int64_t rows,
                 int64_t columns, int64_t sampling_ratio, bool aligned, int64_t kernel) {
  const RoiGrid grid{rows, columns, spatial_scale, sampling_ratio, aligned};
  check_arguments("roi_align", maps, rois, grid);
  const int64_t k = rois.size(0);
  require(k == 0 || maps.size(2) * maps.size(3) > 0,
          "roi_align: input must have at least one cell");
#ifdef EDUDET_WITH_CUDA
  const DeviceGuard guard(maps);
#endif
  Tensor out = new_maps(maps, k, maps.size(1), rows, columns, is_channels_last(maps));
  const Tensor r = torch::stable::contiguous(rois);
  dispatch("roi_align", maps,
           [&](auto zero) { forward<decltype(zero)>(maps, r, grid, kernel, out); });
  return out;
}

Tensor roi_align_backward(const Tensor& grad, const Tensor& rois, double spatial_scale,
                          int64_t sampling_ratio, bool aligned, int64_t images, int64_t channels,
                          int64_t height, int64_t width, bool channels_last, int64_t kernel) {
  require(grad.dim() == 4, "roi_align_backward: grad must have shape (K, C, rows, columns)");
  const RoiGrid grid{grad.size(2), grad.size(3), spatial_scale, sampling_ratio, aligned};
  check_arguments("roi_align_backward", grad, rois, grid);
  const int64_t k = rois.size(0);
  require(grad.size(0) == k && grad.size(1) == channels,
          "roi_align_backward: grad must have a row for every RoI and the channels of input");
  require(k == 0 || height * width > 0, "roi_align_backward: input must have at least one cell");
#ifdef EDUDET_WITH_CUDA
  const DeviceGuard guard(grad);
#endif
  Tensor out = new_maps(grad, images, channels, height, width, channels_last);
  const Tensor r = torch::stable::contiguous(rois);
  dispatch("roi_align_backward", grad,
           [&](auto zero) { backward<decltype(zero)>(grad, r, grid, kernel, out); });
  return out;
}

}  // namespace

EDUDET_SCHEMAS(m) {
  m.def(
      "roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt rows, SymInt columns, "
      "int sampling_ratio, bool aligned, int kernel) -> Tensor");
  m.def(
      "roi_align_backward(Tensor grad, Tensor rois, float spatial_scale, int sampling_ratio, "
      "bool aligned, SymInt images, SymInt channels, SymInt height, SymInt width, "
      "bool channels_last, int kernel) -> Tensor");
}
EDUDET_KERNELS(m) {
  m.impl("roi_align", TORCH_BOX(&roi_align));
  m.impl("roi_align_backward", TORCH_BOX(&roi_align_backward));
}

}  // namespace edudet

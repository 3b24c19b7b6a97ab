#include "../conv_transpose.h"

#include <optional>

#include "tensor.h"

namespace edudet {
namespace {

constexpr const char* kOp = "conv_transpose";

cpu::TransposedAxis axis_of(int64_t cells, int64_t taps, int64_t stride, int64_t padding,
                            int64_t output_padding, int64_t dilation) {
  require(cells >= 1 && taps >= 1 && stride >= 1 && padding >= 0 && output_padding >= 0 &&
              output_padding < std::max(stride, dilation) && dilation >= 1,
          kOp, ": a size, stride, padding or dilation is out of range");
  int64_t spread, kernel, size;
  require(!__builtin_mul_overflow(cells - 1, stride, &spread) &&
              !__builtin_mul_overflow(taps - 1, dilation, &kernel) &&
              !__builtin_add_overflow(spread, kernel, &size) && size < (int64_t{1} << 61) &&
              padding < (int64_t{1} << 61) && output_padding < (int64_t{1} << 61),
          kOp, ": the output must have a size that can be counted");
  size += output_padding + 1 - 2 * padding;
  require(size >= 1, kOp, ": the output must have at least one cell");
  return {cells, taps, stride, padding, dilation, size};
}

Tensor conv_transpose(const Tensor& input_, const Tensor& weight, const std::optional<Tensor>& bias,
                      int64_t stride_y, int64_t stride_x, int64_t padding_y, int64_t padding_x,
                      int64_t output_padding_y, int64_t output_padding_x, int64_t groups,
                      int64_t dilation_y, int64_t dilation_x) {
  require(input_.dim() == 4 && weight.dim() == 4 && groups >= 1 && input_.size(1) % groups == 0 &&
              weight.size(0) == input_.size(1),
          kOp, ": input and weight must have shapes (N, C, H, W) and (C, D / groups, K, L)");
  require(weight.scalar_type() == input_.scalar_type(), kOp,
          ": input and weight must share a dtype");
  require(!bias || (bias->dim() == 1 && bias->size(0) == weight.size(1) * groups &&
                    bias->scalar_type() == input_.scalar_type()),
          kOp, ": bias must have shape (D) and the dtype of input");
  cpu::ConvTransposePlan plan{
      axis_of(input_.size(2), weight.size(2), stride_y, padding_y, output_padding_y, dilation_y),
      axis_of(input_.size(3), weight.size(3), stride_x, padding_x, output_padding_x, dilation_x),
      input_.size(0),
      groups,
      input_.size(1) / groups,
      weight.size(1)};
  Tensor out = torch::stable::new_empty(
      input_, {plan.batch, groups * plan.out_channels, plan.y.size, plan.x.size});
  if (out.numel() == 0) return out;
  prefer_big_pages(out);
  plan.complete();
  const Tensor dense = torch::stable::contiguous(input_);
  const Tensor kernel = torch::stable::contiguous(weight);
  std::optional<Tensor> offsets;
  if (bias) offsets = torch::stable::contiguous(*bias);
  const auto dtype =
      input_.scalar_type() == ScalarType::Double ? ScalarType::Double : ScalarType::Float;
  const Tensor framed = torch::stable::new_empty(input_, {plan.framed_size()}, dtype);
  prefer_big_pages(framed);
  dispatch(kOp, input_, [&](auto zero) {
    using T = decltype(zero);
    using C = compute_t<T>;
    const int64_t packed_size = plan.packed_size(cpu::output_tile<T>());
    const Tensor packed = torch::stable::new_empty(input_, {packed_size}, dtype);
    C *from = output<C>(framed, "framed"), *weights = output<C>(packed, "packed");
    const T* cells = input<T>(dense, "input");
    const int64_t plane = plan.rows * plan.pitch;
    torch::stable::parallel_for(
        0, plan.planes(), 1 + 16384 / std::max<int64_t>(plane, 1),
        [&](int64_t begin, int64_t end) { cpu::frame_input(plan, cells, from, begin, end); });
    cpu::pack_weight(plan, input<T>(kernel, "weight"), weights);
    const T* added = offsets ? input<T>(*offsets, "bias") : nullptr;
    T* to = output<T>(out, "out");
    const int64_t products = plan.in_channels * plan.out_channels * 32 + 256;  // of one tap
    torch::stable::parallel_for(0, plan.tasks(), 1 + 1000000 / products,
                                [&](int64_t begin, int64_t end) {
                                  cpu::conv_transpose(plan, from, weights, added, to, begin, end);
                                });
  });
  return out;
}

}  // namespace

EDUDET_SCHEMAS(m) {
  m.def(
      "conv_transpose(Tensor input, Tensor weight, Tensor? bias, int stride_y, int stride_x, "
      "int padding_y, int padding_x, int output_padding_y, int output_padding_x, int groups, "
      "int dilation_y, int dilation_x) -> Tensor");
}
EDUDET_KERNELS(m) { m.impl("conv_transpose", TORCH_BOX(&conv_transpose)); }

}  // namespace edudet

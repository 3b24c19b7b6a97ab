// What every binding needs: from tensors to pointers, from statuses to errors, and the words that
// register an operator. A binding file is compiled three times, into three libraries:
//
//   plain                                   _native_cpu.so       torch.ops.edudet, for CPU tensors
//   with EDUDET_WITH_CUDA                   _native_cuda.so      torch.ops.edudet, for CUDA tensors
//   with EDUDET_WITH_CUDA, EDUDET_EMULATED  _native_emulated.so  torch.ops.edudet_emulated: the
//   code
//     that drives the GPU, run on CPU tensors by csrc/emulator. EDUDET_CHECKED instead of
//     EDUDET_EMULATED: _native_checked.so, torch.ops.edudet_checked, watched by the checker.
#pragma once

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/ScalarType.h>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <sstream>
#include <stdexcept>
#include <string>

#include "../common/half.h"

#if defined(EDUDET_EMULATED)
#include "../emulator/memory.h"
#elif defined(EDUDET_WITH_CUDA)
#include <torch/csrc/stable/accelerator.h>

// Weak: a torch without CUDA lacks it, and loads this library all the same.
extern "C" __attribute__((weak)) AOTITorchError aoti_torch_get_current_cuda_stream(int32_t device,
                                                                                   void** stream);
#endif
#ifdef EDUDET_WITH_CUDA
#include <cuda_runtime_api.h>
#endif

#if defined(EDUDET_CHECKED)
#define EDUDET_NAMESPACE edudet_checked
#elif defined(EDUDET_EMULATED)
#define EDUDET_NAMESPACE edudet_emulated
#else
#define EDUDET_NAMESPACE edudet
#endif

// The schemas come with the CPU library; the CUDA library adds kernels to them.
#if defined(EDUDET_WITH_CUDA) && !defined(EDUDET_EMULATED)
#define EDUDET_DEVICE CUDA
#define EDUDET_SCHEMAS(m) \
  [[maybe_unused]] static void unused_schemas(torch::stable::detail::StableLibrary& m)
#else
#define EDUDET_DEVICE CPU
#define EDUDET_SCHEMAS(m) STABLE_TORCH_LIBRARY_FRAGMENT(EDUDET_NAMESPACE, m)
#endif
#define EDUDET_KERNELS(m) STABLE_TORCH_LIBRARY_IMPL(EDUDET_NAMESPACE, EDUDET_DEVICE, m)

namespace edudet {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;

// The caller's mistake. Python words it as a ValueError if the text starts with "<operator>: ".
template <typename... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  throw std::runtime_error(text.str());
}
template <typename... Parts>
void require(bool holds, const Parts&... parts) {
  if (!holds) fail(parts...);
}

// The element types of the kernels. `visit` is called with a zero of the type of the tensor.
template <typename Visit>
auto dispatch(const char* op, const Tensor& tensor, Visit&& visit) {
  switch (tensor.scalar_type()) {
    case ScalarType::Float:
      return visit(float{});
    case ScalarType::Double:
      return visit(double{});
    case ScalarType::Half:
      return visit(Half{});
    case ScalarType::BFloat16:
      return visit(BFloat16{});
    default:
      fail(op, ": the dtype must be float32, float64, float16 or bfloat16");
  }
}

namespace detail {
inline void announce(const Tensor& tensor, const char* name, bool initialised) {
#ifdef EDUDET_EMULATED
  emulator::announce(tensor.data_ptr(), size_t(tensor.numel()) * tensor.element_size(), name,
                     initialised);
#else
  (void)tensor, (void)name, (void)initialised;
#endif
}
}  // namespace detail

// The elements of a contiguous tensor that a kernel reads, or writes. `name` is what the emulator's
// checker calls this memory. (Read as bytes: torch has no word for our 16-bit types.)
template <typename T>
const T* input(const Tensor& tensor, const char* name) {
  detail::announce(tensor, name, true);
  return static_cast<const T*>(tensor.data_ptr());
}
template <typename T>
T* output(const Tensor& tensor, const char* name, bool initialised = false) {
  detail::announce(tensor, name, initialised);
  return static_cast<T*>(tensor.data_ptr());
}

// Memory is handed out page by page when it is first written: for a big result on the CPU, pages of
// 2 MiB in place of 4 KiB halve the time of filling it.
inline void prefer_big_pages([[maybe_unused]] const Tensor& tensor) {
#ifdef __linux__
  constexpr size_t kPage = 1 << 21;
  const size_t bytes = size_t(tensor.numel()) * tensor.element_size();
  if (!tensor.is_cpu() || bytes < 2 * kPage) return;
  const size_t begin = (size_t(tensor.data_ptr()) + kPage - 1) / kPage * kPage;
  const size_t end = (size_t(tensor.data_ptr()) + bytes) / kPage * kPage;
  madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // a wish, may fail
#endif
}

#if defined(EDUDET_EMULATED)

struct DeviceGuard {
  explicit DeviceGuard(const Tensor&) {}
  ~DeviceGuard() { emulator::forget_announced(); }
};
inline cudaStream_t current_stream(const Tensor&) { return nullptr; }

#elif defined(EDUDET_WITH_CUDA)

// Kernels run on the device of their tensors, which need not be the current one.
struct DeviceGuard : torch::stable::accelerator::DeviceGuard {
  explicit DeviceGuard(const Tensor& tensor)
      : torch::stable::accelerator::DeviceGuard(tensor.get_device_index()) {}
};

inline cudaStream_t current_stream(const Tensor& tensor) {
  void* stream = nullptr;
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_current_cuda_stream(tensor.get_device_index(), &stream));
  return static_cast<cudaStream_t>(stream);
}

#endif
#ifdef EDUDET_WITH_CUDA
inline void check_launch(const char* op, cudaError_t status) {
  require(status == cudaSuccess, "edudet: the CUDA kernel of ", op,
          " failed: ", cudaGetErrorString(status));
}
#endif

}  // namespace edudet

// CUDA's host functions: see include/cuda_runtime_api.h.
#include <string.h>
#include <sys/mman.h>

#include <map>
#include <mutex>

#define EDUDET_ENGINE
#include "checker.h"
#include "machine.h"
#include "memory.h"

namespace edudet::emulator {
namespace {

// Allocations stand far apart, with no memory between, so that an access far out of one's bounds is
// hardly in another.
constexpr size_t kMargin = 1 << 20;

std::mutex allocations_lock;
std::map<void*, size_t> allocations;

}  // namespace

void* allocate(size_t bytes) {
  const size_t pages = (bytes + 4095) / 4096 * 4096;
  void* memory = mmap(nullptr, pages + 2 * kMargin, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  char* data = static_cast<char*>(memory) + kMargin;
  if (pages) mprotect(data, pages, PROT_READ | PROT_WRITE);
  std::lock_guard<std::mutex> lock(allocations_lock);
  allocations[data] = pages;
  return data;
}

bool release(void* data) {
  std::lock_guard<std::mutex> lock(allocations_lock);
  const auto found = allocations.find(data);
  if (found == allocations.end()) return false;
  munmap(static_cast<char*>(data) - kMargin, found->second + 2 * kMargin);
  allocations.erase(found);
  return true;
}

}  // namespace edudet::emulator

using namespace edudet::emulator;

extern "C" {

cudaError_t cudaGetLastError() {
  const cudaError_t code = last_failure().code;
  last_failure().code = cudaSuccess;  // the text stays for cudaGetErrorString
  return code;
}

cudaError_t cudaPeekAtLastError() { return last_failure().code; }

const char* cudaGetErrorString(cudaError_t error) {
  static thread_local std::string text;
  if (error == cudaSuccess) return "no error";
  text = last_failure().text();
  return text.empty() ? cudaGetErrorName(error) : text.c_str();
}

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorInvalidValue:
      return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidConfiguration:
      return "cudaErrorInvalidConfiguration";
    case cudaErrorInvalidDevice:
      return "cudaErrorInvalidDevice";
    case cudaErrorIllegalAddress:
      return "cudaErrorIllegalAddress";
    case cudaErrorLaunchOutOfResources:
      return "cudaErrorLaunchOutOfResources";
    case cudaErrorLaunchTimeout:
      return "cudaErrorLaunchTimeout";
    case cudaErrorAssert:
      return "cudaErrorAssert";
    case cudaErrorLaunchFailure:
      return "cudaErrorLaunchFailure";
    case cudaErrorNotSupported:
      return "cudaErrorNotSupported";
    default:
      return "cudaErrorUnknown";
  }
}

cudaError_t cudaMemset(void* data, int value, size_t bytes) {
  if (bytes == 0) return cudaSuccess;
  if (!data) return cudaErrorInvalidValue;
  memset(data, value, bytes);
  checker::written(data, bytes);
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* data, int value, size_t bytes, cudaStream_t) {
  return cudaMemset(data, value, bytes);
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind) {
  if (bytes == 0) return cudaSuccess;
  if (!to || !from) return cudaErrorInvalidValue;
  memmove(to, from, bytes);
  checker::written(to, bytes);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t) {
  return cudaMemcpy(to, from, bytes, kind);
}

cudaError_t edudet_malloc(void** data, size_t bytes) {
  *data = bytes ? allocate(bytes) : nullptr;
  if (bytes && !*data) return cudaErrorMemoryAllocation;
  if (bytes) announce(*data, bytes, "cudaMalloc", false);
  return cudaSuccess;
}

cudaError_t cudaFree(void* data) {
  if (!data) return cudaSuccess;
  checker::forget_region(data);
  return release(data) ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t cudaFreeAsync(void* data, cudaStream_t) { return cudaFree(data); }

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  *stream = nullptr;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t) { return cudaSuccess; }
cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaPeekAtLastError(); }
cudaError_t cudaDeviceSynchronize() { return cudaPeekAtLastError(); }

cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) { return device == 0 ? cudaSuccess : cudaErrorInvalidDevice; }
cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}

// The numbers of an H100 (compute capability 9.0), but with few multiprocessors: a launcher that
// fills the machine is to start few blocks here.
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
    case cudaDevAttrMaxBlockDimX:
    case cudaDevAttrMaxBlockDimY:
      *value = kMaxThreads;
      break;
    case cudaDevAttrMaxBlockDimZ:
      *value = 64;
      break;
    case cudaDevAttrMaxGridDimX:
      *value = 2147483647;
      break;
    case cudaDevAttrMaxGridDimY:
    case cudaDevAttrMaxGridDimZ:
      *value = 65535;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      *value = int(kSharedDefault);
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = int(kSharedBytes);
      break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      *value = 228 << 10;
      break;
    case cudaDevAttrWarpSize:
      *value = kWarp;
      break;
    case cudaDevAttrMultiProcessorCount:
      *value = 4;
      break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      *value = 2048;
      break;
    case cudaDevAttrL2CacheSize:
      *value = 50 << 20;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      *value = 9;
      break;
    case cudaDevAttrComputeCapabilityMinor:
    case cudaDevAttrCooperativeLaunch:
      *value = 0;
      break;
    default:
      return cudaErrorInvalidValue;
  }
  return cudaSuccess;
}

// The limit that a launcher has raised for one kernel holds for all: launches do not know by which
// pointer their kernel was named there.
cudaError_t edudet_function_attribute(const void*, cudaFuncAttribute attribute, int value) {
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  if (value < 0 || size_t(value) > kSharedBytes) {
    fail_outside(cudaErrorInvalidValue,
                 std::to_string(value) + " bytes of dynamic shared memory, over 227 KB");
    return cudaErrorInvalidValue;
  }
  raise_dynamic_limit(size_t(value));
  return cudaSuccess;
}

cudaError_t edudet_occupancy(int* blocks, int threads, size_t shared_bytes) {
  if (threads < 1 || threads > kMaxThreads) return cudaErrorInvalidValue;
  const int by_threads = 2048 / ((threads + 31) / 32 * 32);
  const int by_shared = shared_bytes ? int((228 << 10) / (shared_bytes + 1024)) : 32;
  *blocks = by_threads < by_shared ? by_threads : by_shared;
  if (*blocks > 32) *blocks = 32;
  return cudaSuccess;
}

}  // extern "C"

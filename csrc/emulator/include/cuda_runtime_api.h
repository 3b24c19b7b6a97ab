// The part of CUDA's host interface that launchers need, on a machine without CUDA.
// Device memory is host memory, and everything has happened when a call returns: there is one
// stream.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "../vector_types.h"

#ifndef EDUDET_API
#define EDUDET_API __attribute__((visibility("default")))
#endif

// What the linker calls a function. A CUDA build of torch brings NVIDIA's runtime into the process,
// whose names go before those of libraries that are opened later: neither is to answer for the
// other.
#define EDUDET_NAMED(name) __asm__("edudet_" #name)

// In the project's own launchers and bindings, no error may be dropped.
#ifdef EDUDET_WITH_CUDA
#define EDUDET_NODISCARD [[nodiscard]]
#else
#define EDUDET_NODISCARD
#endif

#define CUDART_VERSION 12000
#define CUDART_CB

enum EDUDET_NODISCARD cudaError {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorInvalidDevice = 101,
  cudaErrorIllegalAddress = 700,
  cudaErrorLaunchOutOfResources = 701,
  cudaErrorLaunchTimeout = 702,
  cudaErrorAssert = 710,
  cudaErrorLaunchFailure = 719,
  cudaErrorNotSupported = 801,
  cudaErrorUnknown = 999,
};
typedef enum cudaError cudaError_t;

typedef struct CUstream_st* cudaStream_t;
typedef struct CUevent_st* cudaEvent_t;

enum cudaMemcpyKind {
  cudaMemcpyHostToHost,
  cudaMemcpyHostToDevice,
  cudaMemcpyDeviceToHost,
  cudaMemcpyDeviceToDevice,
  cudaMemcpyDefault,
};

enum cudaFuncAttribute {
  cudaFuncAttributeMaxDynamicSharedMemorySize = 8,
  cudaFuncAttributePreferredSharedMemoryCarveout = 9,
};

enum cudaFuncCache {
  cudaFuncCachePreferNone,
  cudaFuncCachePreferShared,
  cudaFuncCachePreferL1,
  cudaFuncCachePreferEqual,
};

enum cudaDeviceAttr {
  cudaDevAttrMaxThreadsPerBlock = 1,
  cudaDevAttrMaxBlockDimX = 2,
  cudaDevAttrMaxBlockDimY = 3,
  cudaDevAttrMaxBlockDimZ = 4,
  cudaDevAttrMaxGridDimX = 5,
  cudaDevAttrMaxGridDimY = 6,
  cudaDevAttrMaxGridDimZ = 7,
  cudaDevAttrMaxSharedMemoryPerBlock = 8,
  cudaDevAttrWarpSize = 10,
  cudaDevAttrMultiProcessorCount = 16,
  cudaDevAttrL2CacheSize = 38,
  cudaDevAttrMaxThreadsPerMultiProcessor = 39,
  cudaDevAttrComputeCapabilityMajor = 75,
  cudaDevAttrComputeCapabilityMinor = 76,
  cudaDevAttrMaxSharedMemoryPerMultiprocessor = 81,
  cudaDevAttrCooperativeLaunch = 95,
  cudaDevAttrMaxSharedMemoryPerBlockOptin = 97,
};

enum { cudaStreamDefault = 0, cudaStreamNonBlocking = 1 };
#define cudaStreamLegacy ((cudaStream_t)0x1)
#define cudaStreamPerThread ((cudaStream_t)0x2)

extern "C" {
// The error of the last launch; reading it with cudaGetLastError forgets it.
EDUDET_API cudaError_t cudaGetLastError() EDUDET_NAMED(cudaGetLastError);
EDUDET_API cudaError_t cudaPeekAtLastError() EDUDET_NAMED(cudaPeekAtLastError);
// For a failed launch: the emulator's whole message, with thread and place.
EDUDET_API const char* cudaGetErrorString(cudaError_t error) EDUDET_NAMED(cudaGetErrorString);
EDUDET_API const char* cudaGetErrorName(cudaError_t error) EDUDET_NAMED(cudaGetErrorName);

EDUDET_API cudaError_t cudaMemset(void* data, int value, size_t bytes) EDUDET_NAMED(cudaMemset);
EDUDET_API cudaError_t cudaMemsetAsync(void* data, int value, size_t bytes,
                                       cudaStream_t stream = nullptr) EDUDET_NAMED(cudaMemsetAsync);
EDUDET_API cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind)
    EDUDET_NAMED(cudaMemcpy);
EDUDET_API cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes,
                                       cudaMemcpyKind kind, cudaStream_t stream = nullptr)
    EDUDET_NAMED(cudaMemcpyAsync);
EDUDET_API cudaError_t edudet_malloc(void** data, size_t bytes);
EDUDET_API cudaError_t cudaFree(void* data) EDUDET_NAMED(cudaFree);
EDUDET_API cudaError_t cudaFreeAsync(void* data, cudaStream_t stream) EDUDET_NAMED(cudaFreeAsync);

EDUDET_API cudaError_t cudaStreamCreate(cudaStream_t* stream) EDUDET_NAMED(cudaStreamCreate);
EDUDET_API cudaError_t cudaStreamDestroy(cudaStream_t stream) EDUDET_NAMED(cudaStreamDestroy);
EDUDET_API cudaError_t cudaStreamSynchronize(cudaStream_t stream)
    EDUDET_NAMED(cudaStreamSynchronize);
EDUDET_API cudaError_t cudaDeviceSynchronize() EDUDET_NAMED(cudaDeviceSynchronize);
EDUDET_API cudaError_t cudaGetDevice(int* device) EDUDET_NAMED(cudaGetDevice);
EDUDET_API cudaError_t cudaSetDevice(int device) EDUDET_NAMED(cudaSetDevice);
EDUDET_API cudaError_t cudaGetDeviceCount(int* count) EDUDET_NAMED(cudaGetDeviceCount);
EDUDET_API cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device)
    EDUDET_NAMED(cudaDeviceGetAttribute);
EDUDET_API cudaError_t edudet_function_attribute(const void* function, cudaFuncAttribute attribute,
                                                 int value);
EDUDET_API cudaError_t edudet_occupancy(int* blocks, int threads, size_t shared_bytes);
}

template <class T>
cudaError_t cudaMalloc(T** data, size_t bytes) {
  return edudet_malloc(reinterpret_cast<void**>(data), bytes);
}

template <class T>
cudaError_t cudaMallocAsync(T** data, size_t bytes, cudaStream_t) {
  return edudet_malloc(reinterpret_cast<void**>(data), bytes);
}

template <class Function>
cudaError_t cudaFuncSetAttribute(Function* function, cudaFuncAttribute attribute, int value) {
  return edudet_function_attribute(reinterpret_cast<const void*>(function), attribute, value);
}

template <class Function>
cudaError_t cudaFuncSetCacheConfig(Function*, cudaFuncCache) {
  return cudaSuccess;
}

template <class Function>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, Function*, int threads,
                                                          size_t shared_bytes) {
  return edudet_occupancy(blocks, threads, shared_bytes);
}

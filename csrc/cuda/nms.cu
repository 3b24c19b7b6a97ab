// Launches the kernels of nms.cuh.
#include "nms.cuh"

#include "../nms.h"

namespace edudet::cuda {
namespace {

int64_t words_of(int64_t n) { return (n + kWord - 1) / kWord; }

// Each kernel reads what those before it have left: after a failure none of them is launched.

template <typename T>
cudaError_t launch_1(const NmsInput<T>& in, uint64_t* scratch, int64_t* keep, NmsResult* result,
                     cudaStream_t stream) {
  const int64_t words = words_of(in.n);
  uint64_t *dropped = scratch, *mask = scratch + words;
  nms_mask_kernel_1<<<dim3(words, words), kWord, 0, stream>>>(in, words, mask);
  if (const cudaError_t error = cudaGetLastError()) return error;
  // 1024 threads add a row of the mask for 65536 candidates at a time.
  nms_gather_kernel_1<<<1, 1024, 0, stream>>>(in, words, mask, dropped, keep, result);
  return cudaGetLastError();
}

template <typename T>
cudaError_t launch_2(const NmsInput<T>& in, uint64_t* scratch, int64_t* keep, NmsResult* result,
                     cudaStream_t stream) {
  uint64_t *dropped = scratch, *mask = scratch + kChunkWords;
  for (int64_t chunk = 0; chunk < in.n; chunk += kChunk) {
    const int64_t size = in.n - chunk < kChunk ? in.n - chunk : kChunk, words = words_of(size);
    const size_t bytes = kChunkWords * sizeof(uint64_t);
    if (const cudaError_t error = cudaMemsetAsync(dropped, 0, bytes, stream)) return error;
    // At most 32 slices of the kept boxes: with 64 rows, 2048 blocks, enough for any GPU of today.
    const int64_t tiles = words_of(chunk);
    const unsigned slices = tiles < 32 ? unsigned(tiles) : 32;
    if (slices > 0) {
      nms_kill_kernel_2<<<dim3(words, slices), kWord, 0, stream>>>(in, chunk, keep, result,
                                                                   dropped);
      if (const cudaError_t error = cudaGetLastError()) return error;
    }
    nms_mask_kernel_2<<<dim3(words, words), kWord, 0, stream>>>(in, chunk, mask);
    if (const cudaError_t error = cudaGetLastError()) return error;
    nms_rounds_kernel_2<<<1, kRoundThreads, 0, stream>>>(in, chunk, mask, dropped, keep, result);
    if (const cudaError_t error = cudaGetLastError()) return error;
  }
  nms_name_kernel_2<<<(in.n + 255) / 256, 256, 0, stream>>>(in.order, result, keep);
  return cudaGetLastError();
}

}  // namespace

int64_t nms_scratch(int64_t n, int kernel) {
  if (kernel == 1) return words_of(n) * (n + 1);
  return kChunkWords + (n < kChunk ? n : kChunk) * kChunkWords;
}

template <typename T>
cudaError_t nms(const T* boxes, const T* scores, const int64_t* classes, const int64_t* order,
                int64_t n, compute_t<T> threshold, int kernel, uint64_t* scratch, int64_t* keep,
                NmsResult* result, cudaStream_t stream) {
  const NmsResult start = {0, n, n};
  const auto copied = cudaMemcpyAsync(result, &start, sizeof start, cudaMemcpyHostToDevice, stream);
  if (copied != cudaSuccess) return copied;
  nms_check_kernel<<<(n + 255) / 256, 256, 0, stream>>>(boxes, scores, n, result);
  if (const cudaError_t error = cudaGetLastError()) return error;
  const NmsInput<T> in = {boxes, classes, order, n, threshold};
  return (kernel == 1 ? launch_1<T> : launch_2<T>)(in, scratch, keep, result, stream);
}

#define INSTANTIATE(T)                                                                  \
  template cudaError_t nms(const T*, const T*, const int64_t*, const int64_t*, int64_t, \
                           compute_t<T>, int, uint64_t*, int64_t*, NmsResult*, cudaStream_t);
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(Half)
INSTANTIATE(BFloat16)

}  // namespace edudet::cuda

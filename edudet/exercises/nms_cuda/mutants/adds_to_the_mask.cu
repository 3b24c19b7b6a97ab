// Every thread reads every box that it needs from global memory.
__device__ bool suppresses(const float* a, const float* b, float threshold) {
  const float width = fmaxf(fminf(a[2], b[2]) - fmaxf(a[0], b[0]), 0.0f);
  const float height = fmaxf(fminf(a[3], b[3]) - fmaxf(a[1], b[1]), 0.0f);
  const float inter = width * height;
  const float total = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter;
  return total > 0 && inter / total > threshold;
}

__global__ void nms_mask(const float* boxes, const long long* order, long long n,
                         float iou_threshold, long long words, unsigned long long* mask) {
  const long long i = blockIdx.y * 64 + threadIdx.x, word = blockIdx.x;
  if (i >= n) return;
  unsigned long long bits = 0;
  for (int k = 0; k < 64; ++k) {
    const long long j = 64 * word + k;
    if (j <= i || j >= n) continue;
    if (suppresses(boxes + 4 * order[i], boxes + 4 * order[j], iou_threshold)) bits |= 1ull << k;
  }
  mask[i * words + word] |= bits;
}

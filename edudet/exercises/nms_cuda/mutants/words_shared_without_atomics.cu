__global__ void nms_mask(const float* boxes, const long long* order, long long n,
                         float iou_threshold, long long words, unsigned long long* mask) {
  const long long j = 64 * blockIdx.x + threadIdx.x;
  __shared__ unsigned long long bits;
  for (long long i = 64 * blockIdx.y; i < 64 * blockIdx.y + 64 && i < n; ++i) {
    if (threadIdx.x == 0) bits = 0;
    __syncthreads();
    if (j < n) {
      const float *a = boxes + 4 * order[i], *b = boxes + 4 * order[j];
      const float width = fmaxf(fminf(a[2], b[2]) - fmaxf(a[0], b[0]), 0.0f);
      const float height = fmaxf(fminf(a[3], b[3]) - fmaxf(a[1], b[1]), 0.0f);
      const float inter = width * height;
      const float total = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter;
      if (inter > iou_threshold * total) bits |= 1ull << threadIdx.x;
    }
    __syncthreads();
    if (threadIdx.x == 0) mask[i * words + blockIdx.x] = bits;
  }
}

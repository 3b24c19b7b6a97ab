__global__ void box_iou(const float* boxes1, long long n, const float* boxes2, long long m,
                        float* out) {
  const long long i = blockIdx.y * blockDim.y + threadIdx.y;
  const long long j = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n && j >= m) return;
  const float *a = boxes1 + 4 * i, *b = boxes2 + 4 * j;
  const float width = fmaxf(fminf(a[2], b[2]) - fmaxf(a[0], b[0]), 0.0f);
  const float height = fmaxf(fminf(a[3], b[3]) - fmaxf(a[1], b[1]), 0.0f);
  const float inter = width * height;
  const float total = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]);
  out[i * m + j] = total > inter ? inter / (total - inter) : 0.0f;
}

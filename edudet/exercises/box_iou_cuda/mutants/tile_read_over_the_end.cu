// The boxes of a tile are read once per block, as float4, into shared memory.
__device__ float area(float4 box) { return (box.z - box.x) * (box.w - box.y); }

__global__ void box_iou(const float* boxes1, long long n, const float* boxes2, long long m,
                        float* out) {
  __shared__ float4 rows[16], columns[16];
  const long long i = blockIdx.y * 16 + threadIdx.y, j = blockIdx.x * 16 + threadIdx.x;
  if (threadIdx.y == 0) {
    columns[threadIdx.x] = make_float4(boxes2[4 * j], boxes2[4 * j + 1], boxes2[4 * j + 2],
                                       boxes2[4 * j + 3]);
  }
  const long long row = blockIdx.y * 16 + threadIdx.x;
  if (threadIdx.y == 1 && row < n) {
    rows[threadIdx.x] = make_float4(boxes1[4 * row], boxes1[4 * row + 1], boxes1[4 * row + 2],
                                    boxes1[4 * row + 3]);
  }
  __syncthreads();
  if (i >= n || j >= m) return;
  const float4 a = rows[threadIdx.y], b = columns[threadIdx.x];
  const float width = fminf(a.z, b.z) - fmaxf(a.x, b.x);
  const float height = fminf(a.w, b.w) - fmaxf(a.y, b.y);
  const float inter = width > 0 && height > 0 ? width * height : 0;
  const float together = area(a) + area(b) - inter;
  out[i * m + j] = together > 0 ? inter / together : 0;
}

// The 64 boxes of a word are read once per block, into shared memory; blocks whose candidates all
// come earlier leave at once.
__device__ float area(float4 box) { return (box.z - box.x) * (box.w - box.y); }

__device__ float4 load(const float* boxes, long long index) {
  const float* box = boxes + 4 * index;
  return make_float4(box[0], box[1], box[2], box[3]);
}

__global__ void nms_mask(const float* boxes, const long long* order, long long n,
                         float iou_threshold, long long words, unsigned long long* mask) {
  if (blockIdx.x < blockIdx.y) return;
  __shared__ float4 others[64];
  const long long first = 64 * blockIdx.x, i = 64 * blockIdx.y + threadIdx.x;
  if (first + threadIdx.x < n) others[threadIdx.x] = load(boxes, order[first + threadIdx.x]);
  if (i >= n) return;
  const float4 a = load(boxes, order[i]);
  unsigned long long bits = 0;
  for (int k = 0; k < 64 && first + k < n; ++k) {
    const float4 b = others[k];
    const float width = fmaxf(fminf(a.z, b.z) - fmaxf(a.x, b.x), 0.0f);
    const float height = fmaxf(fminf(a.w, b.w) - fmaxf(a.y, b.y), 0.0f);
    const float inter = width * height;
    if (inter > iou_threshold * (area(a) + area(b) - inter)) bits |= 1ull << k;
  }
  mask[i * words + blockIdx.x] = bits;
}

// A sum over each warp; the mask says 32 lanes, but the last one stays outside.
__global__ void faulty(const float* in, float* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x, lane = threadIdx.x % 32;
  float sum = i < n ? in[i] : 0;
  if (lane < 31) {
    for (int step = 16; step > 0; step /= 2) {
      sum += __shfl_down_sync(0xffffffff, sum, step);  // FAULT missing lane
    }
  }
  if (lane == 0 && i < n) out[i] = sum;
}

__global__ void fixed(const float* in, float* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x, lane = threadIdx.x % 32;
  float sum = i < n ? in[i] : 0;
  for (int step = 16; step > 0; step /= 2) sum += __shfl_down_sync(0xffffffff, sum, step);
  if (lane == 0 && i < n) out[i] = sum;
}

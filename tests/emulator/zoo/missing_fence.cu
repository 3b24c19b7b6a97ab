// Every block writes a partial sum; the block that finishes last adds them up. Without a fence it may
// see the counter of the others before it sees their sums.
__device__ unsigned finished;

__device__ float sum_of_block(const float* in, int n) {
  const int i = blockIdx.x * 32 + threadIdx.x;
  float sum = i < n ? in[i] : 0;
  for (int step = 16; step > 0; step /= 2) sum += __shfl_down_sync(0xffffffff, sum, step);
  return sum;
}

__global__ void faulty(const float* in, float* out, int n) {
  const float sum = sum_of_block(in, n);
  if (threadIdx.x != 0) return;
  out[blockIdx.x] = sum;
  if (atomicInc(&finished, gridDim.x - 1) != gridDim.x - 1) return;
  float total = 0;
  for (int b = 0; b < gridDim.x; b++) total += out[b];  // FAULT race
  out[n - 1] = total;
}

__global__ void fixed(const float* in, float* out, int n) {
  const float sum = sum_of_block(in, n);
  if (threadIdx.x != 0) return;
  out[blockIdx.x] = sum;
  __threadfence();
  if (atomicInc(&finished, gridDim.x - 1) != gridDim.x - 1) return;
  __threadfence();
  float total = 0;
  for (int b = 0; b < gridDim.x; b++) total += out[b];
  out[n - 1] = total;
}

// Every block turns its piece of the array around, through shared memory.
__global__ void faulty(const float* in, float* out, int n) {
  __shared__ float tile[64];
  const int i = blockIdx.x * 64 + threadIdx.x;
  if (i < n) tile[threadIdx.x] = in[i];
  if (i < n) out[i] = tile[63 - threadIdx.x];  // FAULT race
}

__global__ void fixed(const float* in, float* out, int n) {
  __shared__ float tile[64];
  const int i = blockIdx.x * 64 + threadIdx.x;
  if (i < n) tile[threadIdx.x] = in[i];
  __syncthreads();
  if (i < n) out[i] = tile[63 - threadIdx.x];
}

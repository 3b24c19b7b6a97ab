// A barrier that only half of the block comes to.
__global__ void faulty(const float* in, float* out, int n) {
  __shared__ float tile[64];
  const int i = blockIdx.x * 64 + threadIdx.x;
  tile[threadIdx.x] = i < n ? in[i] : 0;
  if (threadIdx.x < 32) {
    __syncthreads();  // FAULT divergent barrier
    if (i < n) out[i] = tile[31 - threadIdx.x];
  }
}

__global__ void fixed(const float* in, float* out, int n) {
  __shared__ float tile[64];
  const int i = blockIdx.x * 64 + threadIdx.x;
  tile[threadIdx.x] = i < n ? in[i] : 0;
  __syncthreads();
  if (threadIdx.x < 32) {
    if (i < n) out[i] = tile[31 - threadIdx.x];
  }
}

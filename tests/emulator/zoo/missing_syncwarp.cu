// Lanes of one warp do not run in step: even among them, writing and reading needs an order.
__global__ void faulty(const float* in, float* out, int n) {
  __shared__ float tile[64];
  const int i = blockIdx.x * 64 + threadIdx.x;
  tile[threadIdx.x] = i < n ? in[i] : 0;
  if (i < n) out[i] = tile[threadIdx.x ^ 1];  // FAULT race
}

__global__ void fixed(const float* in, float* out, int n) {
  __shared__ float tile[64];
  const int i = blockIdx.x * 64 + threadIdx.x;
  tile[threadIdx.x] = i < n ? in[i] : 0;
  __syncwarp();
  if (i < n) out[i] = tile[threadIdx.x ^ 1];
}

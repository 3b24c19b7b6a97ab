// A tile with a border, for which one element was forgotten.
__global__ void faulty(const float* in, float* out, int n) {
  __shared__ float tile[64];
  const int i = blockIdx.x * 64 + threadIdx.x;
  tile[threadIdx.x + 1] = i < n ? in[i] : 0;  // FAULT out of bounds
  if (threadIdx.x == 0) tile[0] = 0;
  __syncthreads();
  if (i < n) out[i] = tile[threadIdx.x + 1] - tile[threadIdx.x];
}

__global__ void fixed(const float* in, float* out, int n) {
  __shared__ float tile[65];
  const int i = blockIdx.x * 64 + threadIdx.x;
  tile[threadIdx.x + 1] = i < n ? in[i] : 0;
  if (threadIdx.x == 0) tile[0] = 0;
  __syncthreads();
  if (i < n) out[i] = tile[threadIdx.x + 1] - tile[threadIdx.x];
}

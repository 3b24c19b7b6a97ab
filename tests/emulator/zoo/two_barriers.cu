// Two barriers in two branches: on the hardware they may even meet, but not by any promise.
__global__ void faulty(const float* in, float* out, int n) {
  __shared__ float tile[64];
  const int i = blockIdx.x * 64 + threadIdx.x;
  tile[threadIdx.x] = i < n ? in[i] : 0;
  if (threadIdx.x % 2 == 0) {
    __syncthreads();
  } else {
    __syncthreads();  // FAULT divergent barrier
  }
  if (i < n) out[i] = tile[63 - threadIdx.x];
}

__global__ void fixed(const float* in, float* out, int n) {
  __shared__ float tile[64];
  const int i = blockIdx.x * 64 + threadIdx.x;
  tile[threadIdx.x] = i < n ? in[i] : 0;
  __syncthreads();
  if (i < n) out[i] = tile[63 - threadIdx.x];
}

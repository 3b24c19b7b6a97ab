// A loop over tiles needs two barriers: after writing the tile, and before writing it again.
__global__ void faulty(const float* in, float* out, int n) {
  __shared__ float tile[64];
  float sum = 0;
  for (int first = 0; first < n; first += 64) {
    tile[threadIdx.x] = in[first + threadIdx.x];  // FAULT race
    __syncthreads();
    for (int k = 0; k < 64; k++) sum += tile[k];
  }
  out[blockIdx.x * 64 + threadIdx.x] = sum;
}

__global__ void fixed(const float* in, float* out, int n) {
  __shared__ float tile[64];
  float sum = 0;
  for (int first = 0; first < n; first += 64) {
    tile[threadIdx.x] = in[first + threadIdx.x];
    __syncthreads();
    for (int k = 0; k < 64; k++) sum += tile[k];
    __syncthreads();
  }
  out[blockIdx.x * 64 + threadIdx.x] = sum;
}

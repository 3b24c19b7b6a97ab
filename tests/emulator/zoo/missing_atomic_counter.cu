// A counter of the whole grid, in a variable of the program.
__device__ int passed;

__global__ void faulty(const float* in, float* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n && in[i] > 5) passed += 1;  // FAULT race
}

__global__ void fixed(const float* in, float* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n && in[i] > 5) atomicAdd(&passed, 1);
}

// Lanes of one warp vote together, but do not agree on who takes part.
__global__ void faulty(const float* in, float* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x, lane = threadIdx.x % 32;
  const bool positive = i < n && in[i] > 0;
  const unsigned mask = lane < 16 ? 0x0001ffff : 0xffffffff;
  const unsigned votes = __ballot_sync(mask, positive);  // FAULT divergent warp operation
  if (i < n) out[i] = __popc(votes);
}

__global__ void fixed(const float* in, float* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x, lane = threadIdx.x % 32;
  const bool positive = i < n && in[i] > 0;
  const unsigned mask = lane < 16 ? 0x0000ffff : 0xffff0000;
  const unsigned votes = __ballot_sync(mask, positive);
  if (i < n) out[i] = __popc(votes);
}

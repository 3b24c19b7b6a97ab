// Neighbouring threads read numbers that lie 32 apart: every one of them from a sector of its own.
__global__ void faulty(const float* in, float* out, int n) {
  const int lane = threadIdx.x;
  float sum = 0;
  for (int k = 0; k < 32; k++) sum += in[lane * 32 + k];  // SLOW uncoalesced access
  out[lane] = sum;
}

__global__ void fixed(const float* in, float* out, int n) {
  const int lane = threadIdx.x;
  float sum = 0;
  for (int k = 0; k < 32; k++) sum += in[k * 32 + lane];
  out[lane] = sum;
}

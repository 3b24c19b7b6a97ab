// A 32 x 32 tile is turned around. Down a column all words lie in one bank: 32 passes instead of one.
// A 33rd column, never used, moves each row on by one bank.
__global__ void faulty(const float* in, float* out, int n) {
  __shared__ float tile[32][32];
  const int lane = threadIdx.x;
  for (int row = 0; row < 32; row++) tile[row][lane] = in[row * 32 + lane];
  __syncthreads();
  for (int row = 0; row < 32; row++) out[row * 32 + lane] = tile[lane][row];  // SLOW bank conflict
}

__global__ void fixed(const float* in, float* out, int n) {
  __shared__ float tile[32][33];
  const int lane = threadIdx.x;
  for (int row = 0; row < 32; row++) tile[row][lane] = in[row * 32 + lane];
  __syncthreads();
  for (int row = 0; row < 32; row++) out[row * 32 + lane] = tile[lane][row];
}

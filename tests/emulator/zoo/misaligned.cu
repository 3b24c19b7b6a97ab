// A float4 is loaded at once, from an address that 16 divides, or not at all.
__global__ void faulty(const float* in, float* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (4 * i + 5 > n) return;
  const float4 v = *reinterpret_cast<const float4*>(in + 4 * i + 1);  // FAULT misaligned access
  out[i] = v.x + v.y + v.z + v.w;
}

__global__ void fixed(const float* in, float* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (4 * i + 4 > n) return;
  const float4 v = *reinterpret_cast<const float4*>(in + 4 * i);
  out[i] = v.x + v.y + v.z + v.w;
}

// Words that let one source line serve the CPU, the GPU and every compiler.
#pragma once

#ifdef __CUDACC__
#define EDUDET_HD __host__ __device__ inline
#else
#define EDUDET_HD inline
#endif

// Compiles a function once for every generation of x86-64 and picks at load time, so that one
// binary uses AVX-512 where there is some. Other processors and compilers get the plain function;
// so do the sanitizers, which start later than the picking.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12 && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define EDUDET_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), flatten))
#else
#define EDUDET_CLONES
#endif

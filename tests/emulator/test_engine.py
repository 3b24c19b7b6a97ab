"""The engine does what CUDA promises: every word of the language, limits, errors."""

import platform
import re
import time

import numpy as np
import pytest
import torch

from edudet import emulator

pytestmark = pytest.mark.usefixtures("compiles_cuda")

SEEDS = [None, 0, 1]


def launch(text, name, grid, block, *args, shared=0, **options):
    return emulator.compile(text)[name][grid, block, shared](*args, **options)


@pytest.mark.parametrize("shuffle", SEEDS)
@pytest.mark.parametrize("check", [False, True])
def test_every_thread_runs_once_and_knows_its_place(check, shuffle):
    text = """
    __global__ void place(int* out) {
      const int block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
      const int size = blockDim.x * blockDim.y * blockDim.z;
      const int thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
      out[block * size + thread] += 1000 * block + thread + warpSize;
    }"""
    out = torch.zeros(24 * 30, dtype=torch.int32)
    launch(text, "place", (2, 3, 4), (5, 3, 2), out, check=check, shuffle=shuffle)
    expected = [1000 * block + thread + 32 for block in range(24) for thread in range(30)]
    assert out.tolist() == expected


@pytest.mark.parametrize("shuffle", SEEDS)
@pytest.mark.parametrize("block", [1, 31, 64, 1000])
def test_barriers_and_shared_memory(block, shuffle):
    text = """
    __global__ void prefix_sum(const int* in, int* out) {
      extern __shared__ int sums[];
      const int t = threadIdx.x;
      sums[t] = in[t];
      __syncthreads();
      for (int step = 1; step < blockDim.x; step *= 2) {
        const int left = t >= step ? sums[t - step] : 0;
        __syncthreads();
        sums[t] += left;
        __syncthreads();
      }
      out[t] = sums[t];
    }"""
    values = torch.arange(block, dtype=torch.int32) % 7
    out = torch.empty_like(values)
    launch(text, "prefix_sum", 1, block, values, out, shared=4 * block, shuffle=shuffle)
    assert torch.equal(out, values.cumsum(0).int())


def test_votes_of_a_block():
    text = """
    __global__ void votes(int* out) {
      const int count = __syncthreads_count(threadIdx.x % 3 == 0);
      const int all = __syncthreads_and(threadIdx.x < 40);
      const int any = __syncthreads_or(threadIdx.x == 39);
      const int all_less = __syncthreads_and(threadIdx.x < 39);
      if (threadIdx.x == 7) out[0] = count, out[1] = all, out[2] = any, out[3] = all_less;
    }"""
    out = torch.zeros(4, dtype=torch.int32)
    launch(text, "votes", 1, 40, out)
    assert out.tolist() == [14, 1, 1, 0]


@pytest.mark.parametrize("shuffle", SEEDS)
def test_warp_operations(shuffle):
    text = """
    __global__ void warps(int* out, unsigned* masks, unsigned long long* wide) {
      const int t = threadIdx.x, lane = t % 32;
      const unsigned all = 0xffffffff;
      out[t] = __shfl_sync(all, 10 * lane, lane + 1);
      out[32 + t] = __shfl_up_sync(all, lane, 3);
      out[64 + t] = __shfl_down_sync(all, lane, 3, 8);
      out[96 + t] = __shfl_xor_sync(all, lane, 5);
      out[128 + t] = __reduce_add_sync(all, lane);
      out[160 + t] = __all_sync(all, lane < 32) + 2 * __any_sync(all, lane == 31);
      masks[t] = __ballot_sync(all, lane % 2);
      masks[32 + t] = __match_any_sync(all, lane / 4);
      if (lane < 8) masks[64 + t] = __activemask();
      wide[t] = __shfl_sync(all, (1ull << 40) + lane, 9);
    }"""
    out, masks = torch.zeros(192, dtype=torch.int32), torch.zeros(96, dtype=torch.int64)
    masks, wide = masks.int(), torch.zeros(32, dtype=torch.int64)
    launch(text, "warps", 1, 32, out, masks, wide, shuffle=shuffle)
    lanes = range(32)
    assert out[:32].tolist() == [10 * ((i + 1) % 32) for i in lanes]
    assert out[32:64].tolist() == [i - 3 if i >= 3 else i for i in lanes]
    assert out[64:96].tolist() == [i + 3 if i % 8 + 3 < 8 else i for i in lanes]
    assert out[96:128].tolist() == [i ^ 5 for i in lanes]
    assert set(out[128:160].tolist()) == {496} and set(out[160:].tolist()) == {3}
    unsigned = [mask % 2**32 for mask in masks.tolist()]
    assert set(unsigned[:32]) == {0xAAAAAAAA}
    assert unsigned[32:64] == [0xF << i // 4 * 4 for i in lanes]
    assert unsigned[64:72] == [0xFF] * 8
    assert set(wide.tolist()) == {2**40 + 9}


def test_parts_of_a_warp_work_apart():
    text = """
    __global__ void halves(int* out) {
      const int lane = threadIdx.x;
      int x = lane;
      if (lane < 16) for (int k = 0; k < 3; k++) x += __shfl_xor_sync(0x0000ffff, x, 1);
      else x = __reduce_max_sync(0xffff0000, x);
      out[lane] = x;
    }"""
    out = torch.zeros(32, dtype=torch.int32)
    run = launch(text, "halves", 1, 32, out, check=True)
    assert out.tolist() == [(2 * (i // 2 * 2) + 1) * 4 for i in range(16)] + [31] * 16
    assert not run.findings, run.report()


def test_lanes_that_have_ended_are_excused_but_noticed():
    text = """
    __global__ void count(int* out, int n) {
      if (threadIdx.x >= n) return;
      out[threadIdx.x] = __popc(__ballot_sync(0xffffffff, 1));
    }"""
    out = torch.zeros(20, dtype=torch.int32)
    launch(text, "count", 1, 32, out, 20)
    assert out.tolist() == [20] * 20
    assert [f.kind for f in launch(text, "count", 1, 32, out, 20, check=True).findings] == [
        "missing lane"
    ]
    assert not launch(text, "count", 1, 20, out, 20, check=True).findings  # never existed


@pytest.mark.parametrize("shuffle", SEEDS)
def test_atomics(shuffle):
    text = """
    __global__ void all(int* i, unsigned* u, unsigned long long* l, float* f, double* d) {
      const int t = blockIdx.x * blockDim.x + threadIdx.x;
      atomicAdd(&i[0], t); atomicSub(&i[1], 2); atomicMax(&i[2], t); atomicMin(&i[3], -t);
      atomicExch(&i[4], 7); atomicCAS(&i[5], 0, 5);
      atomicOr(&u[0], 1u << t % 32); atomicAnd(&u[1], ~(1u << t % 32)); atomicXor(&u[2], 3);
      atomicInc(&u[3], 9);
      atomicAdd(&l[0], 1ull << 33); atomicOr(&l[1], 1ull << t % 64); atomicMax(&l[2], t);
      atomicAdd(f, 0.5); atomicAdd(d, 1);
    }"""
    i, u = torch.zeros(6, dtype=torch.int32), torch.tensor([0, -1, 0, 0], dtype=torch.int32)
    wide, f, d = torch.zeros(3, dtype=torch.int64), torch.zeros(1), torch.zeros(1).double()
    run = launch(text, "all", 2, 64, i, u, wide, f, d, shuffle=shuffle, check=True)
    assert i.tolist() == [8128, -256, 127, -127, 7, 5]
    assert u.tolist() == [-1, 0, 0, 8]
    assert wide.tolist() == [128 << 33, -1, 127]
    assert (f.item(), d.item()) == (64, 128)
    assert not run.findings, run.report()


@pytest.mark.parametrize(
    ("header", "kind", "dtype"),
    [("cuda_fp16.h", "__half", torch.float16), ("cuda_bf16.h", "__nv_bfloat16", torch.bfloat16)],
)
def test_16_bit_arithmetic_is_torchs(header, kind, dtype):
    text = f"""
    #include <{header}>
    __global__ void arithmetic(const {kind}* a, const {kind}* b, {kind}* out, {kind} c, int n) {{
      const int i = threadIdx.x;
      out[i] = a[i] + b[i];
      out[n + i] = a[i] * b[i];
      out[2 * n + i] = __hdiv(a[i], b[i]);
      out[3 * n + i] = {kind}(float(a[i]) * 3) - c;
      atomicAdd(&out[4 * n], {kind}(1));
    }}"""
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(2, 64, generator=generator) * 100).to(dtype)
    out = torch.zeros(4 * 64 + 1, dtype=dtype)
    launch(text, "arithmetic", 1, 64, a, b, out, 1.5, 64)
    expected = torch.cat([a + b, a * b, a / b, (a.float() * 3).to(dtype) - 1.5])
    assert torch.equal(out[:-1], expected)
    assert out[-1] == 64


def test_intrinsics():
    text = """
    __global__ void bits(int* out) {
      int k = 0;
      out[k++] = __popc(0xf0f0u); out[k++] = __popcll(~0ull);
      out[k++] = __ffs(8); out[k++] = __ffs(0);
      out[k++] = __clz(1); out[k++] = __clz(0); out[k++] = __clzll(1);
      out[k++] = __ffsll(1ll << 40);
      out[k++] = __brev(1u) == 0x80000000u; out[k++] = __brevll(2ull) == 1ull << 62;
      out[k++] = __float_as_int(1.0f); out[k++] = __int_as_float(0x40000000) == 2.0f;
      out[k++] = __float2int_rn(2.5f); out[k++] = __float2int_rd(-0.5f);
      out[k++] = __float2int_rz(3e9f);
      out[k++] = max(3, 5); out[k++] = min(2u, 7u); out[k++] = max(1.5f, 2) == 2.0f;
      out[k++] = fminf(1.0f, NAN) == 1.0f; out[k++] = __umulhi(0x80000000u, 6u);
      out[k++] = rsqrtf(4.0f) == 0.5f; out[k++] = __fdividef(1.0f, 4.0f) == 0.25f;
      float4 v = make_float4(1, 2, 3, 4); out[k++] = int(v.x + v.w); out[k++] = sizeof(dim3);
      int2 p = make_int2(3, 4); out[k++] = p.x * p.y; out[k++] = __saturatef(-3.0f) == 0.0f;
    }"""
    out = torch.zeros(26, dtype=torch.int32)
    launch(text, "bits", 1, 1, out)
    assert out.tolist() == [
        8, 64, 4, 0, 31, 32, 63, 41, 1, 1, 0x3F800000, 1, 2, -1, 2**31 - 1, 5, 2, 1, 1, 3,
        1, 1, 5, 12, 12, 1,
    ]  # fmt: skip


def test_shared_memory_begins_as_garbage_in_every_block():
    text = """
    __global__ void look(float* out) {
      __shared__ float x;
      if (threadIdx.x == 0) out[blockIdx.x] = x, x = 1;
    }"""
    out = torch.zeros(3)
    launch(text, "look", 3, 2, out)
    assert out.isnan().all()


def test_a_template_has_its_own_shared_memory_in_every_instance():
    text = """
    template <typename T, int N>
    __global__ void turn(const T* in, T* out) {
      __shared__ T tile[N], other[2][N];
      tile[threadIdx.x] = in[threadIdx.x];
      other[1][threadIdx.x] = 1;
      __syncthreads();
      out[threadIdx.x] = tile[N - 1 - threadIdx.x] + other[1][threadIdx.x];
    }"""
    program = emulator.compile(text)
    instances = [("turn<float, 8>", torch.float32, 8), ("turn<double,40>", torch.float64, 40)]
    for name, dtype, n in instances:
        values = torch.arange(n).to(dtype)
        out = torch.empty_like(values)
        program[name][1, n](values, out, check=True)
        assert torch.equal(out, values.flip(0) + 1)


def test_shuffling_shows_a_race_and_is_repeatable():
    text = """
    __global__ void last(int* out) { out[0] = blockIdx.x * blockDim.x + threadIdx.x; }"""
    program = emulator.compile(text)

    def winner(seed):
        out = torch.zeros(1, dtype=torch.int32)
        program["last"][8, 64](out, shuffle=seed)
        return out.item()

    assert winner(None) == 511
    seen = [winner(seed) for seed in range(8)]
    assert len(set(seen)) > 4
    assert seen == [winner(seed) for seed in range(8)]


@pytest.mark.parametrize(
    ("grid", "block", "shared", "message"),
    [
        (1, 1025, 0, "more than 1024 threads"),
        (1, (32, 33), 0, "more than 1024 threads"),
        (1, (1, 1, 65), 0, "deeper than 64"),
        (1, 0, 0, "has no threads"),
        (0, 1, 0, "has no blocks"),
        ((1, 65536), 1, 0, "is larger than"),
        (1, 1, 227 * 1024 + 1, "over 227 KB"),
    ],
)
def test_limits_of_the_machine(grid, block, shared, message):
    with pytest.raises(emulator.EmulatorError, match=message):
        launch("__global__ void none() {}", "none", grid, block, shared=shared)


def test_static_shared_memory_has_a_limit():
    text = "__global__ void big() { __shared__ char x[49153]; x[0] = 1; }"
    with pytest.raises(emulator.EmulatorError, match="too much shared memory"):
        launch(text, "big", 1, 1)


BAD = """
#include <cassert>
__device__ __noinline__ int deep(int n) {
  volatile int local[100];
  local[n] = n;
  return n < 0 ? 0 : deep(n + (n < 50)) + local[n];
}
__global__ void bad(volatile int* out, int n) {
  STATEMENT
}
__global__ void good(int* out) {
  __syncthreads();
  out[threadIdx.x] = 1;
}
"""
IN_BOTH_MODES = [
    ("assert(n == 4);", "assertion failed: n == 4"),
    ("__trap();", "__trap"),
    ("if (threadIdx.x) __syncthreads(); else __ballot_sync(~0u, 1);", "missing lane"),
    ("__ballot_sync(2u << threadIdx.x, 1);", "mask that does not name it"),
    ("while (n) out[threadIdx.x] = n;", "did not end within its time limit"),
    ("while (n) __syncthreads();", "did not end within its time limit"),
    ("out[0] = deep(n);", "the stack is full"),
]
if platform.machine() == "x86_64":  # other processors answer 0 and go on
    IN_BOTH_MODES.append(("out[0] = n / (n - 3);", "division by zero"))


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        *IN_BOTH_MODES,
        ("int* p = (int*)8; *p = n;", "no memory at address 0x8"),
        ("throw 1;", r"threw a C\+\+ exception"),
    ],
)
def test_a_bad_kernel_ends_with_an_error_and_not_the_process(statement, message):
    program = emulator.compile(BAD.replace("STATEMENT", statement))
    out = torch.zeros(64, dtype=torch.int32)
    with pytest.raises(emulator.EmulatorError, match=message) as caught:
        program["bad"][1, 2](out, 3, time_limit=0.2)
    assert "bad: " in str(caught.value) and "block (0, 0, 0)" in str(caught.value)
    program["good"][1, 64](out)
    assert out.sum() == 64  # the machine works as before


@pytest.mark.parametrize(
    ("statement", "message"),
    [*IN_BOTH_MODES, ("int* p = (int*)8; *p = n;", "where no array is .a null pointer")],
)
def test_under_the_checker_it_is_a_finding(statement, message):
    program = emulator.compile(BAD.replace("STATEMENT", statement))
    out = torch.zeros(64, dtype=torch.int32)
    run = program["bad"][1, 2](out, 3, check=True, time_limit=0.2)
    assert run.findings and re.search(message, run.error), run.report()
    assert not program["good"][1, 64](out, check=True).findings
    assert out.sum() == 64


def test_a_kernel_that_never_ends_is_stopped_where_it_loops():
    text = """__global__ void spin(volatile int* out) {
      while (out[0] == 0) {
        out[1] += 1;
      }
    }"""
    run = launch(text, "spin", 1, 1, torch.zeros(2, dtype=torch.int32), check=True, time_limit=0.1)
    assert [f.kind for f in run.findings] == ["time limit"]
    assert run.findings[0].places[0].line in (2, 3)
    with pytest.raises(emulator.EmulatorError, match=r"program\.cu:[23]") as caught:
        launch(text, "spin", 1, 1, torch.zeros(2, dtype=torch.int32), time_limit=0.1)
    assert caught.value.place.line in (2, 3)


def test_a_launch_from_host_code_raises_the_limit_of_shared_memory():
    text = """
    __global__ void fill(int* out) {
      extern __shared__ int large[];
      large[20000 + threadIdx.x] = threadIdx.x;
      __syncthreads();
      out[threadIdx.x] = large[20000 + 31 - threadIdx.x];
    }
    void start(int* out, cudaStream_t stream) {
      cudaFuncSetAttribute(fill, cudaFuncAttributeMaxDynamicSharedMemorySize, 100000);
      fill<<<1, dim3(32),
             100000, stream>>>(out);
    }"""
    out = torch.zeros(32, dtype=torch.int32)
    launch(text, "fill", 1, 32, out, shared=100000)
    assert out.tolist() == list(range(31, -1, -1))


def test_a_kernel_without_barriers_is_a_loop():
    """10⁶ threads in well under a second: no fiber for each."""
    text = """
    __global__ void scale(const float* in, float* out, int n) {
      const int i = blockIdx.x * blockDim.x + threadIdx.x;
      if (i < n) out[i] = 2 * in[i];
    }"""
    values = np.ones(10**6, dtype=np.float32)
    out = np.zeros_like(values)
    kernel = emulator.compile(text)["scale"]
    begin = time.perf_counter()
    kernel[10**6 // 256 + 1, 256](values, out, len(values))
    assert time.perf_counter() - begin < 1
    assert out.sum() == 2 * 10**6

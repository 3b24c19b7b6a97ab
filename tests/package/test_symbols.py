"""What the compiled libraries show to others, and whom they ask: every library that is built, and
a user's program. A name that is left to chance is answered by whoever came into the process first:
NVIDIA's runtime, a sanitizer, another version of a C++ library."""

import ctypes
import re
import shutil
import subprocess

import pytest
import torch

from conftest import require
from edudet import emulator, native

LIBRARIES = sorted(native.PACKAGE.glob("*.so"))
OURS = re.compile(r"PyInit__emulator|edudet_\w+|_ZN6edudet8emulator\w+")
# The engine's alone to answer, or nobody's: those of a runtime that another may bring as well.
NOT_TO_ASK = re.compile(r"_*cuda|_*tsan|_*asan|cu[A-Z]|nv|_Z.*cuda", re.IGNORECASE)
TORCHS = re.compile(r"aoti_torch_\w+|torch_\w+")
PROGRAM = """
#include <string>
#include <vector>
#include <cuda_fp16.h>
namespace tools { __device__ int visits; inline int shared_by_files = 3; }
static __device__ float hidden_one[4];
template <typename T> struct Table { static inline T entries[2] = {1, 2}; };
template <typename T> __device__ __noinline__ T twice(T x) {
  static int calls;
  calls++;
  return 2 * x;
}
extern "C" __device__ __noinline__ float helper(float x) { return twice(x) + 1; }
extern "C" int environ_of_mine = 1;
__global__ void k(float* x) {
  __shared__ float tile[8];
  tile[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  atomicAdd(&tools::visits, 1);
  hidden_one[0] = Table<float>::entries[1];
  x[threadIdx.x] = helper(tile[7 - threadIdx.x]) + __shfl_sync(0xff, 1, 0);
}
void start(float* x, cudaStream_t stream) {
  std::vector<float> values(8);
  float* memory = nullptr;
  if (cudaMalloc(&memory, 32) || cudaMemsetAsync(memory, 0, 32, stream)) throw std::string("no");
  cudaFuncSetAttribute(k, cudaFuncAttributeMaxDynamicSharedMemorySize, 70000);
  k<<<1, 8, 0, stream>>>(memory);
  cudaMemcpy(x, memory, 32, cudaMemcpyDeviceToHost);
  cudaDeviceSynchronize(), cudaFree(memory);
}
"""


def names(path, *options):
    """(kind, name) of the dynamic symbols, without versions."""
    if not shutil.which("nm"):
        pytest.skip("nm is not installed: apt install binutils")
    text = subprocess.run(["nm", "-D", *options, path], capture_output=True, text=True, check=True)
    lines = [line.split() for line in text.stdout.splitlines()]
    return [(line[-2], line[-1].partition("@")[0]) for line in lines]


@pytest.fixture(scope="module", params=["plain", "watched"])
def program(request, tmp_path_factory):
    """The library of a user's program."""
    require(native.missing("emulated"), "native")
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("XDG_CACHE_HOME", str(folder))
        made = emulator.compile(PROGRAM)
        if request.param == "watched":
            made.prepare()
    return max(folder.rglob("*.so"), key=lambda path: path.stat().st_mtime_ns)


def test_all_libraries_are_looked_at():
    require(native.missing("cpu"), "native")
    built = [path.name for path in native.LIBRARIES.values() if path.exists()]
    assert {path.name for path in LIBRARIES} >= {*built}


@pytest.mark.parametrize("path", LIBRARIES, ids=lambda path: path.name)
def test_a_library_shows_only_what_must_be_seen(path):
    shown = {name for _, name in names(path, "--defined-only")}
    assert not [name for name in shown if not OURS.fullmatch(name)]
    assert path.name == "_emulator.so" or not shown


@pytest.mark.parametrize("path", LIBRARIES, ids=lambda path: path.name)
def test_a_library_leaves_no_name_to_chance(path):
    """Every name is found in what the library itself is linked to."""
    for name in ("cpu", "emulated", "checked", "cuda"):
        native.load(name)  # and with it what it needs
    handle = ctypes.CDLL(str(path))
    for kind, name in names(path, "--undefined-only"):
        assert TORCHS.fullmatch(name) or not NOT_TO_ASK.match(name), name
        if kind == "U" and not (path.name == "_emulator.so" and re.match("_?Py", name)):
            assert hasattr(handle, name), name


def test_a_program_shows_its_table_of_kernels_and_asks_the_emulator(program):
    assert {name for _, name in names(program, "--defined-only")} == {
        "edudet_entries", "edudet_entry_count",
    }  # fmt: skip
    handle = ctypes.CDLL(str(program))
    asked = [name for kind, name in names(program, "--undefined-only") if kind == "U"]
    assert {"edudet_malloc", "edudet_cudaMemsetAsync", "edudet_cudaMemcpy"} <= {*asked}
    for name in asked:
        assert hasattr(handle, name) and not NOT_TO_ASK.match(name), name


def test_programs_share_no_variables():
    """Of a template or an inline variable there is otherwise one in the whole process."""
    require(native.missing("emulated"), "native")
    text = """
    inline __device__ int steps;
    template <typename T> __device__ int* count() { static int calls; return &calls; }
    __global__ void k(int* out) { out[0] = ++steps; out[1] = ++*count<float>(); }
    """
    for name in ("one.cu", "other.cu"):
        out = torch.zeros(2, dtype=torch.int32)
        emulator.compile(text + f"// {name}", name)["k"][1, 1](out)
        assert out.tolist() == [1, 1]


def test_what_the_emulator_does_not_know_is_no_others():
    """NVIDIA's runtime, where it is in the process, would answer at run time."""
    require(native.missing("emulated"), "native")
    text = """
    extern "C" int cudaEventRecord(void* event, void* stream);
    __global__ void k(int* out) {
      out[0] = cudaEventRecord(nullptr, nullptr);
    }"""
    with pytest.raises(emulator.CompileError, match=r"undefined reference to .cudaEventRecord"):
        emulator.compile(text, "events.cu")

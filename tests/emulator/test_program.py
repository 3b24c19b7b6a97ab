"""A user's own .cu: compiled, called, refused with clear words."""

import ctypes
import re

import numpy as np
import pytest
import torch

from edudet import emulator
from edudet.emulator import building
from edudet.emulator.declarations import Declaration, declarations

pytestmark = pytest.mark.usefixtures("compiles_cuda")

SOURCE = """
#include "common/box.h"
namespace tools {
template <typename T>
__global__ void __launch_bounds__(256, 2) scale(T* __restrict__ x, const T factor, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) x[i] *= factor;
}
}  // namespace tools

__global__ void areas(const float* boxes, float* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = edudet::area(edudet::load_box(boxes + 4 * i));
}
__global__ void types(const float4* v, unsigned long long* bits, bool flag, double d, short s,
                      unsigned char c, int* optional) {
  bits[0] = flag; bits[1] = d * 2; bits[2] = s; bits[3] = c; bits[4] = v[1].w;
  bits[5] = optional == nullptr;
}
"""


@pytest.fixture(scope="module")
def program():
    return emulator.compile(SOURCE, name="tools.cu")


def test_kernels_are_found(program):
    assert repr(program) == "<Program tools.cu: tools::scale, areas, types>"
    assert declarations(SOURCE)[0] == Declaration("tools::scale", ("x", "factor", "n"), True)


def test_parameters_have_names():
    parameters = "const float *a, int b[], Pair<int, int> c = {1, 2}, float, const int* const e"
    text = f"__global__ void k({parameters});"
    assert declarations(text)[0].parameters == ("a", "b", "c", "argument 4", "e")


@pytest.mark.parametrize("array", [torch.arange(10.0), np.arange(10, dtype=np.float32)])
def test_tensors_and_arrays(program, array):
    program["tools::scale<float>"][2, 8](array, 0.5, 9)
    assert array.tolist() == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 9]


def test_instances_of_a_template(program):
    half = torch.arange(4.0).double()
    program.kernel("scale<double>")[1, 4](half, 3, 4, check=True)
    assert half.tolist() == [0, 3, 6, 9]


def test_arguments_are_converted(program):
    bits = torch.zeros(6, dtype=torch.int64)
    run = program["types"][1, 1](torch.arange(8.0), bits, True, 2.5, -3, 200, None, check=True)
    assert bits.tolist() == [1, 5, -3, 200, 7, 1]
    assert not run.findings


def test_headers_of_the_project_can_be_used(program):
    boxes, out = torch.tensor([[0.0, 0, 2, 3], [1, 1, 2, 2]]), torch.zeros(2)
    program["areas"][1, 32](boxes, out, 2)
    assert out.tolist() == [6, 1]


def test_regions_bear_the_names_of_parameters(program):
    boxes, out = torch.arange(16.0).view(4, 4), torch.zeros(4)
    run = program["areas"][1, 32](boxes, out, 5, check=True)
    (found,) = run.findings
    assert found.kind == "out of bounds" and found.thread == (4, 0, 0)
    assert "reads 4 bytes at byte 64 of boxes, which has 64 bytes" in run.error
    assert out.tolist() == [4, 4, 4, 4]  # what was written before the kernel ended


def test_views_of_one_tensor_stay_together(program):
    values = torch.arange(12.0)
    run = program["areas"][1, 2](values[:8], values[4:], 2, check=True)
    assert {name for line in run.statistics for name in line.regions} == {"boxes = out"}
    assert values[4:6].tolist() == [4.0, 4.0]
    assert any(f.kind == "race" for f in run.findings)


@pytest.mark.parametrize(
    ("kernel", "args", "error", "message"),
    [
        ("areas", (torch.zeros(4), torch.zeros(1)), TypeError,
         "areas: arguments must be (const float* boxes, float* out, int n), got 2 of them"),
        ("areas", (torch.zeros(4).double(), torch.zeros(1), 1), TypeError,
         "areas: boxes must be float32 (const float*), got float64"),
        ("areas", ([1.0], torch.zeros(1), 1), TypeError,
         "areas: boxes must be an array or tensor (const float*), got list"),
        ("areas", (torch.zeros(4, 4).t(), torch.zeros(1), 1), ValueError,
         "areas: boxes must be contiguous, got strides"),
        ("areas", (torch.zeros(4, device="meta"), torch.zeros(1), 1), ValueError,
         "areas: boxes must be on the cpu, got meta"),
        ("areas", (torch.zeros(4), torch.zeros(1), 1.5), TypeError,
         "areas: n must be a number (int), got 1.5"),
        ("areas", (torch.zeros(4), torch.zeros(1), 2**31), ValueError,
         "areas: n must fit into int, got 2147483648"),
        ("areas", (torch.zeros(4), torch.zeros(1), "1"), TypeError,
         "areas: n must be a number (int), got '1'"),
        ("scale<float>", (np.frombuffer(bytes(8), np.float32), 1, 1), ValueError,
         "tools::scale<float>: x must be a writeable array, got one that is read-only"),
        ("types", (torch.zeros(3), torch.zeros(6).long(), 0, 0, 0, 0, None), ValueError,
         "types: v must have a multiple of 16 bytes, got 12"),
    ],
)  # fmt: skip
def test_bad_arguments(program, kernel, args, error, message):
    with pytest.raises(error, match=re.escape(message)):
        program[kernel][1, 1](*args)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda p: p["nothing"], ValueError,
         "name must be one of tools::scale, areas, types, got 'nothing'"),
        (lambda p: p["scale"], ValueError, "name must be scale<...>, got 'scale'"),
        (lambda p: p["areas<float>"], ValueError, "name must be areas, got 'areas<float>'"),
        (lambda p: p["areas"](1), TypeError, "areas: say how many blocks and threads"),
        (lambda p: p["areas"][1], TypeError, "a launch must be kernel[grid, block]"),
        (lambda p: p["areas"][1, (1, 2, 3, 4)], ValueError,
         "areas: block must be an integer or up"),
        (lambda p: p["areas"][1.5, 1], ValueError, "areas: grid must be an integer"),
        (lambda p: p["areas"][1, 1, -1], ValueError, "areas: shared_bytes must be an integer"),
        (lambda p: p["areas"][1, 1](None, None, 0, fresh=["z"]), ValueError,
         "areas: fresh must name array parameters, got 'z'"),
        (lambda p: p["areas"][1, 1](None, None, 0, shuffle=-1), ValueError,
         "shuffle must be a seed"),
        (lambda p: p["areas"][1, 1](None, None, 0, trace=-1), ValueError, "trace must be True"),
        (lambda p: p["areas"][1, 1](None, None, 0, time_limit=0), ValueError, "time_limit must be"),
    ],
)  # fmt: skip
def test_bad_calls(program, call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call(program)


def test_an_error_of_the_compiler_has_the_users_lines():
    text = "__global__ void k(float* x) {\n  x[0] = y;\n}\n"
    with pytest.raises(emulator.CompileError, match=r"mine\.cu:2:10: error: .*y.* not declared"):
        emulator.compile(text, name="mine.cu")


def test_an_error_of_the_rewriter_has_the_users_lines():
    with pytest.raises(emulator.CompileError, match=r"program\.cu:2"):
        emulator.compile("__global__ void k() {}\nvoid f() { <<<1, 1>>>(); }\n")


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (7, TypeError, "source must be str or Path, got int"),
        ("missing.cu", ValueError, "source must be a file or CUDA text, got 'missing.cu'"),
        ("int x;", emulator.CompileError, "has no __global__ function"),
    ],
)
def test_bad_sources(source, error, message):
    with pytest.raises(error, match=message):
        emulator.compile(source)


def test_without_a_compiler(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(emulator.EmulatorError, match="no-such-compiler is not installed: apt"):
        emulator.compile("__global__ void never_compiled_before() {}\n")


def test_the_checker_needs_gxx(monkeypatch, tmp_path):
    clang = tmp_path / "c++"  # a name that does not say it
    clang.write_text("#!/bin/sh\necho 'Debian clang version 19.1.7'\n")
    clang.chmod(0o755)
    monkeypatch.setenv("CXX", str(clang))
    with pytest.raises(emulator.EmulatorError, match=r"the checker needs g\+\+, and CXX="):
        building.build("", [], (), watched=True)


def test_programs_are_cached_by_their_content(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "outer.h").write_text('#include "inner.h"\n')
    (tmp_path / "inner.h").write_text("#define N 1\n")
    path = tmp_path / "k.cu"
    path.write_text('#include "outer.h"\n__global__ void k(int* x) { x[0] = N; }\n')
    emulator.compile(path)
    monkeypatch.setattr(building, "_compile", lambda *args: pytest.fail("compiled again"))
    x = np.zeros(1, np.int32)
    emulator.compile(str(path))["k"][1, 1](x)
    assert x[0] == 1 and len(list(tmp_path.glob("edudet/emulator/*.so"))) == 1
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "inner.h").write_text("#define N 2\n")
    emulator.compile(path)["k"][1, 1](x)
    assert x[0] == 2


def test_the_trace_says_who_did_what_in_which_order():
    text = """__global__ void k(const int* in, int* out) {
      __shared__ int tile[2];
      tile[threadIdx.x] = in[threadIdx.x];
      __syncthreads();
      if (threadIdx.x == 0) atomicAdd(out, tile[1]);
    }"""
    values, out = torch.tensor([5, 6], dtype=torch.int32), torch.zeros(1, dtype=torch.int32)
    run = emulator.compile(text)["k"][1, 2](values, out, trace=True)
    steps = [(a.thread, a.place.line, a.operation, a.region, a.offset, a.bytes) for a in run.trace]
    assert steps == [
        (0, 3, "read", "in", 0, 4),
        (0, 3, "write", "tile", 0, 4),
        (0, 4, "barrier", None, 0, 0),
        (1, 3, "read", "in", 4, 4),
        (1, 3, "write", "tile", 4, 4),
        (1, 4, "barrier", None, 0, 0),
        (0, 5, "read", "tile", 4, 4),
        (0, 5, "atomic", "out", 0, 4),
    ]
    cut = emulator.compile(text)["k"][1, 2](values, out, trace=3)
    assert len(cut.trace) == 3 and cut.trace_is_cut and not run.trace_is_cut


def test_wide_loads_are_one_request():
    text = """__global__ void k(const float4* in, float4* out) {
      float4 v = in[threadIdx.x];
      v.x += 1;
      out[threadIdx.x] = v;
    }"""
    run = emulator.compile(text)["k"][1, 32](torch.zeros(128), torch.zeros(128), check=True)
    reads = [s for s in run.statistics if s.operation == "read"]
    assert [(s.bytes, s.requests, s.sectors) for s in reads] == [(16, 1, 16)]
    assert not run.slow


def test_a_struct_that_a_function_returns_is_written():
    text = """struct Item { float a[4]; long long label; };
    __device__ Item make(const float* in, int i) {
      Item item;
      for (int k = 0; k < 4; k++) item.a[k] = in[(i + k) % 32];
      item.label = i;
      return item;
    }
    __global__ void k(const float* in, float* out) {
      __shared__ Item items[32];
      items[threadIdx.x] = make(in, threadIdx.x);
      __syncthreads();
      out[threadIdx.x] = items[31 - threadIdx.x].a[1] + items[3].label;
    }"""
    run = emulator.compile(text)["k"][1, 32](torch.zeros(32), torch.zeros(32), check=True)
    assert not run.findings, run.report()


@pytest.mark.parametrize("words", ["__device__", "static __device__", "inline __device__"])
def test_variables_of_the_program_are_watched(words):
    """Though the library shows none of them to others."""
    text = f"""
    {words} int steps[4];
    namespace {{ __device__ int hidden; }}
    __global__ void k(int* out, int i) {{
      atomicAdd(&steps[i], 1);
      if (threadIdx.x == 0) out[0] = steps[1];
      out[1 + threadIdx.x] = ++hidden;
    }}"""
    out = torch.zeros(3, dtype=torch.int32)
    found = emulator.compile(text)["k"][1, 2](out, 1, check=True).findings
    assert [(f.kind, f.offset) for f in found if f.region == "steps"] == [("race", 4)]
    assert {f.kind for f in found if "hidden" in f.region} == {"race"}


def test_printf(capfd):
    text = '#include <cstdio>\n__global__ void k() { printf("thread %d\\n", threadIdx.x); }'
    emulator.compile(text)["k"][1, 2]()
    ctypes.CDLL(None).fflush(None)
    assert capfd.readouterr().out == "thread 0\nthread 1\n"

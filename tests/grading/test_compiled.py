"""Answers in C++ and CUDA: what is told of those that fall, and to whom."""

import pytest

from edudet.course import units
from edudet.grading import broker, sandbox
from edudet.grading.session import Worker

CPP = """#include "box_iou.h"
#include <cstdlib>
#include <vector>

void box_iou(const float* boxes1, int64_t n, const float* boxes2, int64_t m, float* out) {
  for (int64_t i = 0; i < n * m; ++i) out[i] = 0.5f;
  %s
}
"""
CUDA = """
__global__ void box_iou(const float* boxes1, long long n, const float* boxes2, long long m,
                        float* out) {
  const long long i = 16 * blockIdx.y + threadIdx.y, j = 16 * blockIdx.x + threadIdx.x;
  __shared__ float shared[16];
  %s
}
"""
pytestmark = pytest.mark.usefixtures("compiles_cpp")
# Statement -> status; what the owner of a visible test reads; what is read of a hidden one.
FALLS = {
    "volatile float x = boxes1[4 * n];": (
        "crash", "out of bounds: box_iou_cpp.cpp:7; reaches byte 16 of boxes1, which has 16 bytes",
        "it crashed: out of bounds in line 7 of box_iou_cpp.cpp"),
    "out[n * m] = 0;": (
        "crash", "reaches byte 4 of out, which has 4 bytes",
        "it crashed: out of bounds in line 7 of box_iou_cpp.cpp"),
    "out[-1] = 0;": (
        "error", "writes before the beginning of out", "the checker found: out of bounds"),
    "*(volatile int*)nullptr = 1;": (
        "crash", "a null pointer is followed",
        "it crashed: out of bounds in line 7 of box_iou_cpp.cpp"),
    "out[int64_t(1) << 50] = 1;": (
        "crash", "memory where no array is",
        "it crashed: out of bounds in line 7 of box_iou_cpp.cpp"),
    "volatile int zero = 0; out[0] = 7 / zero;": (
        "crash", "an integer is divided by 0",
        "it crashed: arithmetic fault in line 7 of box_iou_cpp.cpp"),
    "box_iou(boxes1, n, boxes2, m, out); out[0] = 1;": (
        "crash", "a recursion without end",
        "it crashed: stack overflow in line 7 of box_iou_cpp.cpp"),
    "throw 1;": ("crash", "an exception that nothing catches", "it crashed: exception"),
    "std::vector<float> few(n); few[n] = out[0]; out[0] = few[n];": (
        "crash", "Assertion '__n < this->size()' failed", "it crashed: exception"),
    "std::_Exit(0);": ("crash", "ended without an answer", "ended without an answer"),
}  # fmt: skip
FOUND = {
    "if (i < n && j == 0) out[0] = boxes1[4 * n + i];": "out of bounds: box_iou_cuda.cu:6",
    "if (i < n && j < m) out[i * m + j] += 1;": "uninitialised read: box_iou_cuda.cu:6",
    "out[0] = threadIdx.x;": "race: box_iou_cuda.cu:6",
    "if (i > 3) return; __syncthreads();": "divergent barrier: box_iou_cuda.cu:6",
    "shared[threadIdx.x] = shared[threadIdx.y];": "uninitialised read: box_iou_cuda.cu:6",
    "atomicAdd(out + n * m, 1.0f);": "out of bounds: box_iou_cuda.cu:6",
}


@pytest.fixture(scope="module")
def worker():
    with Worker(sandbox.best(unsafe=True), sandbox.make_world([])) as worker:
        yield worker


def results(worker, name, source):
    """Of a visible test and of a hidden one."""
    exercise = units.load(name)
    tests = [
        next(test for test in exercise.tests if test.visibility == visibility)
        for visibility in ("visible", "hidden")
    ]
    marked = broker.mark(exercise, source, worker, 1, {}, tests)
    assert sum(result.points for result in marked.results) == 0
    return marked


@pytest.mark.parametrize("statement", FALLS)
def test_a_fall_in_cpp_is_told(worker, statement):
    status, visible, hidden = FALLS[statement]
    first, second = results(worker, "box_iou_cpp", CPP % statement).results
    assert (first.status, second.status) == (status, status)
    assert visible in first.message
    assert hidden in second.message
    assert "which has" not in second.message


@pytest.mark.usefixtures("compiles_cuda")
@pytest.mark.parametrize("statement", FOUND)
def test_what_the_checker_finds_is_told(worker, statement):
    first, second = results(worker, "box_iou_cuda", CUDA % statement).results
    assert (first.status, second.status) == ("error", "error")
    assert FOUND[statement] in first.message
    kind = FOUND[statement].split(":")[0]
    assert second.message == f"the checker found: {kind} in line 6 of box_iou_cuda.cu"


def test_memory_without_a_value_is_rubbish(worker):
    body = "float* few = new float[4]; out[0] = few[1]; delete[] few;"
    first, _ = results(worker, "box_iou_cpp", CPP % body).results
    assert first.status == "fail"
    assert "got 0.0" not in first.message


def test_a_signature_that_does_not_fit(worker):
    source = "#include <cstdint>\nvoid box_iou(const double* boxes1, int64_t n) {}\n"
    first, _ = results(worker, "box_iou_cpp", source).results
    assert "defines no function box_iou with the parameters that the header" in first.message


@pytest.mark.usefixtures("compiles_cuda")
def test_parameters_of_a_kernel_that_do_not_fit(worker):
    source = (CUDA % "").replace("float* out", "double* out")
    first, _ = results(worker, "box_iou_cuda", source).results
    assert "out is a double*, but an array of float32 is passed" in first.message
    source = (CUDA % "").replace("long long m,", "")
    first, _ = results(worker, "box_iou_cuda", source).results
    assert "they must be (boxes1, n, boxes2, m, out), got (boxes1, n, boxes2, out)" in first.message


def test_warnings_of_the_compiler_come_along(worker):
    marked = results(worker, "box_iou_cpp", CPP % "int unused;")
    assert "unused" in marked.warnings

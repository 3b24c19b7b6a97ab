"""Beside NVIDIA's runtime, which a CUDA build of torch opens for the whole process: neither answers
for the other. Where torch is a CPU build, a small library stands in for NVIDIA's: it has the names,
answers "no driver", and writes down who has asked. Everything runs in a process of its own."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from conftest import require
from edudet import native
from edudet.course import units
from edudet.grading import broker, sandbox
from edudet.grading.session import Worker

TESTS = Path(__file__).parents[1]
HEADER = native.SOURCES / "emulator/include/cuda_runtime_api.h"
CUDA_EXERCISES = [name for name in units.ids() if units.load(name).language == "cuda"]
# What else NVIDIA's library has, and what a sanitizer would bring.
OTHERS = (
    "cudaMalloc", "cudaMallocAsync", "cudaFuncSetAttribute", "cudaFuncSetCacheConfig",
    "cudaLaunchKernel", "cudaOccupancyMaxActiveBlocksPerMultiprocessor", "cudaEventRecord",
    "__cudaRegisterFatBinary", "__cudaPushCallConfiguration", "__tsan_init", "__tsan_func_entry",
    "__tsan_read4", "__tsan_write4", "__tsan_read8", "__tsan_write8",
    "_Z5twicef",  # and a function of another library that has the name of a user's
)  # fmt: skip
TEXTS = ("cudaGetErrorString", "cudaGetErrorName")

STAND_IN = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void note(const char* name, void* caller) {
  Dl_info info;
  const char* log = getenv("STAND_IN_LOG");
  if (!log || !dladdr(caller, &info) || !info.dli_fname) return;
  const int file = open(log, O_WRONLY | O_APPEND | O_CREAT, 0666);
  char line[1024];
  strncpy(line, name, 200)[200] = 0;
  strncat(strncat(strcat(line, " "), info.dli_fname, 700), "\\n", 2);
  if (write(file, line, strlen(line)) < 0) abort();
  close(file);
}
#define ANSWER(type, name, value) \\
  type name(void) { note(#name, __builtin_return_address(0)); return value; }
"""

# What the emulator asks of the runtime is answered by the real one but for one call, which fails
# and leaves rubbish.
FAILING = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
long edudet_calls_until_failure = -1;
static void* engine;
void use(const char* path) { engine = dlopen(path, RTLD_NOW | RTLD_NOLOAD); }
typedef long (*function)(void*, const void*, long, long, void*);
static long call(const char* name, int copies, void* a, const void* b, long c, long d, void* e) {
  if (--edudet_calls_until_failure == 0) {
    if (copies) memset(a, 0x7f, c);
    return 1;
  }
  return ((function)dlsym(engine, name))(a, b, c, d, e);
}
#define FUNCTION(name, copies)                                                            \\
  int edudet_##name(void* a, const void* b, long c, long d, void* e) {                    \\
    return (int)call("edudet_" #name, copies, a, b, c, d, e);                             \\
  }
FUNCTION(cudaMemcpyAsync, 1)
FUNCTION(cudaMemsetAsync, 0)
FUNCTION(cudaStreamSynchronize, 0)
FUNCTION(cudaGetLastError, 0)
FUNCTION(cudaPeekAtLastError, 0)
"""

RUN = """
import ctypes, json, os, sys
from types import SimpleNamespace
stand_in, tests, log = sys.argv[1:]
if stand_in:
    ctypes.CDLL(stand_in, mode=ctypes.RTLD_GLOBAL)
import torch
assert hasattr(ctypes.CDLL(None), "cudaMemcpyAsync"), "nobody has brought the names of the runtime"
sys.path.insert(0, tests)
from emulator.test_operators import CALLS, same
from edudet import emulator, native
from edudet.demo import comparison

said = {}

def note(name, run):
    try:
        said[name] = run() or "right"
    except Exception as error:
        said[name] = f"{type(error).__name__}: {error}"[:300]

for stem, calls in CALLS.items():
    for number, (_, form, args) in enumerate(calls):
        for kernel in (1, 2):
            for check in (False, True):
                def one():
                    run = emulator.run(form, *args, kernel=kernel, check=check)
                    assert not (check and run.findings), run.report()
                    same(run.result if check else run, form(*args))
                note(f"{stem} {number} {kernel} {check}", one)
            def real(device="cuda"):
                moved = [a.to(device) if isinstance(a, torch.Tensor) else a for a in args]
                same(form(*moved, kernel=kernel).cpu(), form(*args))
            if torch.cuda.is_available():
                note(f"{stem} {number} {kernel} on the GPU", real)

def demo():
    corner = torch.rand(60, 2) * 40
    found = SimpleNamespace(scores=torch.rand(60), boxes=torch.cat([corner, corner + 20], 1))
    rows = list(comparison.compare(SimpleNamespace(image=torch.rand(3, 64, 64)), found))
    emulated = [row for row in rows if "emul" in row.form.lower()]
    assert len(emulated) >= 3 and not any(row.reason for row in emulated), emulated
    assert all(row.difference < 1e-4 for row in rows), rows
note("demo", demo)

PROGRAM = '''
__device__ __noinline__ float twice(float x) { return 2 * x; }
struct Answers {
  int numbers[12];
  Answers() {
    int n = 0, value = 0, attribute = 0, device = -1, blocks = 0;
    char *memory = nullptr, *other = nullptr, text[8] = "cuda";
    numbers[n++] = cudaGetDeviceCount(&value) == 0 && value == 1;
    numbers[n++] = cudaSetDevice(0) == 0 && cudaGetDevice(&device) == 0 && device == 0;
    numbers[n++] = cudaDeviceGetAttribute(&attribute, cudaDevAttrWarpSize, 0) == 0 &&
                   attribute == 32;
    numbers[n++] = cudaMalloc(&memory, 8) == 0 && cudaMallocAsync(&other, 8, 0) == 0;
    numbers[n++] = cudaMemcpy(memory, text, 8, cudaMemcpyHostToDevice) == 0 && memory[3] == 'a';
    numbers[n++] = cudaMemcpyAsync(other, memory, 8, cudaMemcpyDefault) == 0 && other[0] == 'c';
    numbers[n++] = cudaMemset(memory, 1, 8) == 0 && cudaMemsetAsync(other, 2, 8) == 0 &&
                   memory[7] + other[7] == 3;
    numbers[n++] = cudaFree(memory) == 0 && cudaFreeAsync(other, 0) == 0;
    cudaStream_t stream;
    numbers[n++] = cudaStreamCreate(&stream) == 0 && cudaStreamSynchronize(stream) == 0 &&
                   cudaStreamDestroy(stream) == 0 && cudaDeviceSynchronize() == 0;
    numbers[n++] = cudaPeekAtLastError() == 0 && cudaGetLastError() == 0;
    numbers[n++] = cudaGetErrorName(cudaErrorAssert)[9] == 'A' &&
                   cudaGetErrorString(cudaSuccess)[0] == 'n';
    auto f = twice;
    numbers[n++] = cudaFuncSetAttribute(f, cudaFuncAttributeMaxDynamicSharedMemorySize, 9) == 0 &&
                   cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, f, 64, 0) == 0 && blocks;
  }
};
static Answers answers;
__global__ void k(float* out) {
  out[threadIdx.x] = threadIdx.x < 12 ? answers.numbers[threadIdx.x] : twice(threadIdx.x);
}'''
def program():
    for check in (False, True):
        out = torch.zeros(16)
        run = emulator.compile(PROGRAM)["k"][1, 16](out, check=check)
        assert not run.findings, run.report()
        assert out.tolist() == [1] * 12 + [24, 26, 28, 30], out
note("program", program)
print(json.dumps([said, open(log).read() if os.path.exists(log) else ""]))
"""


@pytest.fixture(autouse=True)
def built():
    for name in native.NAMESPACES:
        require(native.missing(name), "native")


def declared():
    """The names of the emulator's runtime."""
    names = re.findall(r"\b(cuda[A-Z]\w+)\(", HEADER.read_text())
    assert len(names) > 20
    return names


def shared_library(folder, name, source):
    if not shutil.which("gcc"):
        pytest.skip("gcc, which makes the library that stands in for NVIDIA's, is not installed")
    path = folder / name
    (folder / "source.c").write_text(source)
    command = ["gcc", "-shared", "-fPIC", "-fno-builtin", "-w", "source.c", "-o", name, "-ldl"]
    subprocess.run(command, cwd=folder, check=True)
    return path


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    """Its path, or "" where torch itself brings NVIDIA's library."""
    if torch.version.cuda:
        return ""
    names = sorted({*declared(), *OTHERS} - {*TEXTS})
    lines = [f"ANSWER(int, {name}, 35)" for name in names]
    lines += [f'ANSWER(const char*, {name}, "no driver")' for name in TEXTS]
    source = "\n".join([STAND_IN, *lines, ""])
    return str(shared_library(tmp_path_factory.mktemp("cuda"), "libcudart.so.13", source))


def python(code, *words, **environment):
    """The last line that Python prints, of a process that must end well."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.returncode}\n{done.stdout[-2000:]}{done.stderr[-3000:]}"
    return json.loads(done.stdout.splitlines()[-1])


def test_nothing_that_is_emulated_asks_nvidias_runtime(stand_in, tmp_path):
    """All operators, plain and watched, and on a GPU if there is one; the demo's comparison; a
    user's program."""
    log = str(tmp_path / "log")
    said, reached = python(
        RUN, stand_in, str(TESTS), log, STAND_IN_LOG=log, XDG_CACHE_HOME=str(tmp_path)
    )
    assert len(said) > 60 and set(said.values()) == {"right"}, said
    assert not reached


@pytest.mark.parametrize("name", CUDA_EXERCISES)
def test_right_solutions_are_graded_as_right(stand_in, tmp_path, name):
    exercise = units.load(name)
    world = sandbox.make_world([])
    log = tmp_path / "log"
    if stand_in:
        world.environment.update(LD_PRELOAD=stand_in, STAND_IN_LOG=str(log))
    with Worker("none", world) as worker:
        for solution, source in exercise.alternatives.items():
            marked = broker.mark(exercise, source, worker, 1, {})
            wrong = [(r.test, r.status, r.message) for r in marked.results if r.status != "pass"]
            assert marked.results and not wrong, (solution, wrong)
    assert not stand_in or not log.exists() or not log.read_text()


def test_the_emulator_answers_for_nobody():
    """Even where Python is told to open modules for the whole process."""
    names = [*declared(), *OTHERS]
    code = f"""
import ctypes, importlib.util, json, os, sys
sys.setdlopenflags(os.RTLD_NOW | os.RTLD_GLOBAL)
path = {str(native.PACKAGE / "_emulator.so")!r}
spec = importlib.util.spec_from_file_location("edudet._emulator", path)
importlib.util.module_from_spec(spec)
everybody = ctypes.CDLL(None)
assert hasattr(everybody, "edudet_cudaGetDeviceCount"), "the module is not open for all"
found = [name for name in {names!r} if hasattr(everybody, name)]
import torch
print(json.dumps([found, torch.cuda.is_available(), torch.cuda.device_count()]))
"""
    assert python(code) == [[], torch.cuda.is_available(), torch.cuda.device_count()]


def test_no_error_of_the_runtime_is_dropped(tmp_path):
    """Each call of each operator's fails in turn, leaving rubbish: always an error, never a result,
    and the next call is as good as any."""
    library = shared_library(tmp_path, "failing.so", FAILING)
    code = f"""
import ctypes, json, sys
lib = ctypes.CDLL({str(library)!r}, mode=ctypes.RTLD_GLOBAL)
until = ctypes.c_long.in_dll(lib, "edudet_calls_until_failure")
sys.path.insert(0, {str(TESTS)!r})
import torch
from edudet import emulator, native
from emulator.test_operators import CALLS, same
assert not native.missing("emulated") and not native.missing("checked")
lib.use({str(native.PACKAGE / "_emulator.so")!r}.encode())
said, failures = [], {{}}
calls = [(stem, *call[1:]) for stem, calls in CALLS.items() for call in calls]
nan = torch.tensor([[0, 0, 1, 1], [0, 0, float("nan"), 1]])
calls.append(("invalid", [call for stem, *call in calls if stem == "nms"][0][0],
              (nan, torch.ones(2), .5)))
for stem, form, args in calls:
    for kernel in (1, 2):
        for name in ("emulated", "checked"):
            for count in range(1, 100):
                until.value = count
                try:
                    with native.namespace("edudet_" + name):
                        got = form(*args, kernel=kernel)
                    problem = ""
                except Exception as error:
                    problem = f"{{type(error).__name__}}: {{error}}"
                if until.value > 0:  # none has failed: there are no more calls
                    if stem == "invalid":
                        assert "nms: boxes[1]" in problem, problem
                    else:
                        assert not problem, problem
                        same(got, form(*args))
                    break
                if not problem.startswith("RuntimeError: edudet: the CUDA kernel of"):
                    said.append([stem, kernel, name, count, problem])
            failures[stem] = max(failures.get(stem, 0), count - 1)
print(json.dumps([said, failures]))
"""
    said, failures = python(code)
    assert not said
    # check, then a copy, five launches or a memset, a copy back and its synchronisation ...
    assert failures.keys() == {"box_iou", "corner_pool", "grid_sample", "nms", "roi_align",
                               "roi_pool", "invalid"}  # fmt: skip
    assert min(failures.values()) >= 1 and failures["nms"] >= 7
    assert failures["invalid"] >= failures["nms"] + 4

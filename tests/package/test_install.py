"""The package as others get it: a source distribution, a wheel from it, and a machine that lacks
a compiler. Everything runs outside the checkout."""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from conftest import require, tracked_files
from edudet import native

ROOT = Path(__file__).parents[2]
# The build folder of the checkout serves one at a time.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("install")]


def run(*command, cwd, **environment):
    """Run to the end; the output is in the message if it fails."""
    env = {**os.environ, "EDUDET_CUDA": "0", **environment}
    env.pop("PYTHONPATH", None) if "PYTHONPATH" not in environment else None
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout + done.stderr


def install(project, site, **environment):
    return run(
        *(sys.executable, "-m", "pip", "install", "-v", "--no-build-isolation", "--no-deps"),
        *("--target", str(site), str(project)),
        cwd=site.parent,
        **environment,
    )


def python(code, site, cwd):
    return run(sys.executable, "-c", code, cwd=cwd, PYTHONPATH=str(site))


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """The source distribution, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    code = "import setuptools.build_meta as b, sys; print(b.build_sdist(sys.argv[1]))"
    # Of a copy: setuptools gathers the files in the folder itself, where another worker may be.
    copy = folder / "copy"
    made = (".git", ".venv", ".*cache", ".hypothesis", "build", "out", "*.so", "*.egg-info")
    ignore = shutil.ignore_patterns(*made, "__pycache__")
    shutil.copytree(ROOT, copy, ignore=ignore)
    run(sys.executable, "-c", code, str(folder), cwd=copy)
    shutil.rmtree(copy)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    (unpacked,) = (path for path in folder.iterdir() if path.is_dir())
    return unpacked


@pytest.fixture(scope="module")
def site(sources, tmp_path_factory):
    """The package installed from it, kernels compiled."""
    require(native.missing("cpu"), "native")
    site = tmp_path_factory.mktemp("wheel") / "site"
    install(sources, site)
    return site


def test_sources_hold_the_whole_project(sources):
    """What the Makefile and the tests need, too: a checkout without git."""
    missing = [name for name in tracked_files(ROOT) if not (sources / name).is_file()]
    assert missing == [".gitignore"]
    assert os.access(sources / "tests" / "package" / "fresh_root", os.X_OK)
    assert not list(sources.rglob("*.so"))


def test_wheel_carries_kernels_and_their_sources(site, tmp_path):
    found = {path.name for path in (site / "edudet").glob("*.so")}
    assert {"_native_cpu.so", "_native_emulated.so", "_native_checked.so"} <= found
    for name in (
        "box_iou.h",
        "common/box.h",
        "cuda/box_iou.cuh",
        "cuda/box_iou.cu",
        "cpu/box_iou.cpp",
    ):
        assert (site / "edudet" / "csrc" / name).is_file(), name
    code = (
        "import torch; from edudet import native; from edudet.ops import box_iou;"
        "b = torch.tensor([[0., 0, 2, 2]]); assert native.missing('cpu') is None;"
        "assert box_iou(b, b).item() == 1; print(native.SOURCES)"
    )
    assert str(site) in python(code, site, tmp_path)


def test_emulator_works_from_the_wheel(site, tmp_path):
    code = """
import torch
from edudet import emulator
from edudet.ops import box_iou
boxes = torch.tensor([[0., 0, 2, 2], [1, 0, 3, 2]])
checked = emulator.run(box_iou, boxes, boxes, check=True)
assert torch.equal(checked.result, box_iou(boxes, boxes)) and not checked.findings
program = emulator.compile('''
__global__ void twice(const float* a, float* out, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = 2 * a[i];
}''')
a, out = torch.arange(5.), torch.empty(5)
program["twice"][1, 32](a, out, 5)
assert torch.equal(out, 2 * a)
"""
    python(code, site, tmp_path)


def test_without_a_compiler_the_plain_forms_work(sources, tmp_path):
    site = tmp_path / "site"
    said = install(sources, site, CXX="no-such-compiler")
    assert "built without the cpu kernels: no-such-compiler is not installed: apt install" in said
    code = (
        "import torch; from edudet.ops import box_iou; b = torch.tensor([[0., 0, 2, 2]]);"
        "assert box_iou(b, b).item() == 1; from edudet.info import show; show()"
    )
    assert "apt install g++" in python(code, site, tmp_path)


def test_a_wheel_is_small_and_typed_and_says_where_weights_are(sources, tmp_path):
    """All but what is compiled takes 3 MB at most; weights are a distribution of their own."""
    site = tmp_path / "site"
    install(sources, site, CXX="no-such-compiler")
    assert (site / "edudet" / "py.typed").is_file()
    assert (site / "edudet" / "grading" / "workflow" / "Snakefile").is_file()
    for made_by_pip in [site / "bin", *site.rglob("__pycache__")]:
        shutil.rmtree(made_by_pip)
    archive = shutil.make_archive(str(tmp_path / "wheel"), "zip", site)
    assert Path(archive).stat().st_size <= 3e6
    code = (
        "import sys; sys.modules['edudet_weights'] = None  # nor that of the tests' environment\n"
        "from edudet.training import load_trained\n"
        "try: load_trained('faster_rcnn', None)\n"
        "except ValueError as error: print(error)"
    )
    assert "pip install ./weights" in python(code, site, tmp_path)
    install(sources / "weights", site)
    code = "from edudet.training import load_trained; load_trained('faster_rcnn', None)"
    python(code, site, tmp_path)


def test_an_old_compiler_is_named(sources, tmp_path):
    old = tmp_path / "g++"
    old.write_text("#!/bin/sh\necho 7.5.0\n")
    old.chmod(0o755)
    said = install(sources, tmp_path / "site", CXX=str(old))
    assert "is version 7.5, and the kernels need 9.0: apt install g++-12" in said


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ("1", "EDUDET_CUDA=1, but nvcc is not installed"),
        ("yes", "EDUDET_CUDA must be 0, 1 or auto, got 'yes'"),
    ],
)
def test_a_demand_that_cannot_be_met_fails(sources, tmp_path, wish, message):
    require(native.missing("cpu"), "native")
    command = [sys.executable, "setup.py", "build_ext", "--build-lib", str(tmp_path / "lib")]
    env = {**os.environ, "EDUDET_CUDA": wish, "CUDA_HOME": str(tmp_path)}
    env["PATH"] = ":".join(p for p in env["PATH"].split(":") if not Path(p, "nvcc").exists())
    done = subprocess.run(command, cwd=sources, env=env, capture_output=True, text=True)
    assert done.returncode != 0 and message in done.stderr


def test_cuda_library_registers_without_a_device():
    """Built beside a torch without CUDA, it loads, and its kernels wait for a device."""
    import torch

    require(native.missing("cuda"), "cuda")
    stems = [path.stem for path in (native.SOURCES / "cuda").glob("*.cu")]
    ops = [op for op in native.registered() if op.startswith(tuple(stems))]
    assert {*stems} <= {*ops}
    for op in ops:
        assert torch._C._dispatch_has_kernel_for_dispatch_key(f"edudet::{op}", "CUDA")

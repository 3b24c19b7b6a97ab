"""Builds csrc/ into edudet/_native_*.so. What cannot be built is left out, with the reason.

EDUDET_CUDA=0|1|auto   without, with, or with the CUDA kernels if nvcc is there (the default)
EDUDET_JOBS=n          so many compilers at a time (default: one per core)
EDUDET_SANITIZE=address,undefined   only the CPU kernels, under these sanitizers

The compilers are called through ninja, not through torch.utils.cpp_extension: beside a torch
without CUDA that one refuses to call nvcc, and it includes headers that take 45 s a file.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent.resolve()
CSRC = ROOT / "csrc"
TARGET_VERSION = "0x020a000000000000ULL"  # torch 2.10: the binaries run on this and all later ones
CUDA_ARCHITECTURES = ["75", "80", "86", "89", "90", "100", "120"]
OLDEST_GXX = (9, 0)

# No contraction of a * b + c: a decision that hangs on the last bit must be the same everywhere.
# No errno and no traps: both would keep the compiler from vectorising.
OPTIMISE = ["-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
# The emulated kernels: debug information for the checker's source lines.
EMULATE = ["-O1", "-g", "-ffp-contract=off", "-fno-math-errno", "-fno-omit-frame-pointer"]


class Missing(Exception):
    """Why a library is left out, and how to get it."""


def main():
    setup(
        ext_modules=[Extension("edudet._native", sources=[])],  # makes the wheel one of a platform
        cmdclass={"build_ext": BuildNative, "build_py": BuildWithSources},
    )


class BuildWithSources(build_py):
    """The wheel carries csrc/: the emulator compiles against it and the lessons show it."""

    def run(self):
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib, "edudet", "csrc")
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(CSRC, target)


class BuildNative(build_ext):
    def run(self):
        in_place = self.inplace or self.editable_mode
        target = ROOT / "edudet" if in_place else Path(self.build_lib, "edudet").resolve()
        target.mkdir(parents=True, exist_ok=True)
        left_out = build(target, ROOT / "build" / "native")
        (target / "_build.json").write_text(json.dumps(left_out, indent=1))
        for name, reason in left_out.items():
            print(f"edudet: built without the {name} kernels: {reason}", file=sys.stderr)

    def get_outputs(self):
        return []

    def get_output_mapping(self):
        return {}


def build(target, scratch):
    """Compile what can be compiled into `target`; return {library: reason} for the rest."""
    sanitize = os.environ.get("EDUDET_SANITIZE")
    if sanitize:
        scratch = scratch.with_name("sanitized")
    scratch.mkdir(parents=True, exist_ok=True)
    everything = ["cpu", "cuda", "emulated", "checked"]
    try:
        tools = Tools()
    except Missing as reason:
        for name in everything:
            (target / f"_native_{name}.so").unlink(missing_ok=True)
        return dict.fromkeys(everything, str(reason))

    rules = Rules(tools, scratch, sanitize)
    left_out = {}
    rules.cpu()
    if sanitize:
        left_out = dict.fromkeys(everything[1:], "this is a build for the sanitizers")
    else:
        try:
            rules.emulator()
        except Missing as reason:
            left_out.update(dict.fromkeys(["emulated", "checked"], str(reason)))
        try:
            rules.cuda()
        except Missing as reason:
            left_out["cuda"] = str(reason)
    rules.run()
    for library in rules.libraries:
        if not (target / library.name).exists() or stale(library, target / library.name):
            shutil.copy2(library, target / library.name)
    for name in left_out:
        (target / f"_native_{name}.so").unlink(missing_ok=True)
    return left_out


def stale(source, copy):
    return source.stat().st_mtime > copy.stat().st_mtime or source.stat().st_size != copy.stat().st_size


class Tools:
    """What the machine has to compile with."""

    def __init__(self):
        try:
            import ninja
            import torch
            from ninja.ninja_syntax import Writer
        except ImportError as error:
            raise Missing(
                f"the Python package {error.name} is missing: pip install torch ninja pybind11, "
                "and install edudet with --no-build-isolation"
            ) from None
        self.ninja, self.writer = Path(ninja.BIN_DIR, "ninja"), Writer
        self.torch = Path(torch.__file__).parent
        self.gxx = os.environ.get("CXX") or "g++"
        if not shutil.which(self.gxx.split()[0]):
            raise Missing(f"{self.gxx} is not installed: apt install g++ (or your system's word for it)")
        version = self.version_of_gxx()
        if version < OLDEST_GXX:
            raise Missing(
                f"{self.gxx} is version {version[0]}.{version[1]}, and the kernels need "
                f"{OLDEST_GXX[0]}.{OLDEST_GXX[1]}: apt install g++-12 and set CXX=g++-12"
            )

    def version_of_gxx(self):
        text = subprocess.run(
            [*self.gxx.split(), "-dumpfullversion", "-dumpversion"], capture_output=True, text=True
        ).stdout
        numbers = [int(number) for number in re.findall(r"\d+", text)] or [0]
        return (numbers + [0])[0], (numbers + [0])[1]

    def nvcc(self):
        wish = os.environ.get("EDUDET_CUDA", "auto")
        if wish not in ("0", "1", "auto"):
            raise SystemExit(f"edudet: EDUDET_CUDA must be 0, 1 or auto, got {wish!r}")
        if wish == "0":
            raise Missing("EDUDET_CUDA=0 asked for a build without them")
        home = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH") or "/usr/local/cuda"
        for candidate in (f"{home}/bin/nvcc", "nvcc"):
            if shutil.which(candidate):
                # `nvcc` may be a link or a script: the real one says where its toolkit lies.
                words = subprocess.run([candidate, "--dryrun", "-c", "-x", "cu", os.devnull],
                                       capture_output=True, text=True).stderr
                top = re.search(r"TOP=(.*)", words)
                if top:
                    return Path(top[1]).resolve() / "bin" / "nvcc"
        reason = "nvcc is not installed: get the CUDA toolkit, or set CUDA_HOME to where it is"
        if wish == "1":
            raise SystemExit(f"edudet: EDUDET_CUDA=1, but {reason}")
        raise Missing(reason)

    def architectures(self, nvcc):
        """Those of CUDA_ARCHITECTURES that this nvcc can compile for."""
        known = subprocess.run([nvcc, "--list-gpu-arch"], capture_output=True, text=True).stdout
        return [arch for arch in CUDA_ARCHITECTURES if f"compute_{arch}\n" in known]


class Rules:
    """Writes build.ninja, library by library, and runs it."""

    def __init__(self, tools, scratch, sanitize):
        self.tools, self.scratch = tools, scratch
        self.file = (scratch / "build.ninja").open("w")
        self.ninja = tools.writer(self.file, width=100)
        self.libraries = []
        self.sanitize = [f"-fsanitize={sanitize}", "-fno-sanitize-recover=all", "-g"] if sanitize else []
        ninja = self.ninja
        ninja.rule("cxx", f"{tools.gxx} -MMD -MF $out.d $flags -c $in -o $out", "compile $out",
                   depfile="$out.d", deps="gcc")
        ninja.rule("link", f"{tools.gxx} -shared $in -o $out $flags", "link $out")

    def compile(self, group, sources, flags, rule="cxx"):
        """One object per source; `group` keeps the libraries' objects apart."""
        objects = []
        for source in sources:
            place = Path(source).relative_to(self.scratch if "build" in Path(source).parts else CSRC)
            out = str(self.scratch / group / place) + ".o"
            self.ninja.build(out, rule, str(source), variables={"flags": " ".join(flags)})
            objects.append(out)
        return objects

    def link(self, name, objects, flags):
        library = self.scratch / f"{name}.so"
        self.ninja.build(str(library), "link", objects, variables={"flags": " ".join(flags)})
        self.libraries.append(library)

    def with_torch(self):
        return [f"-isystem {self.tools.torch / 'include'}", f"-DTORCH_TARGET_VERSION={TARGET_VERSION}"]

    def torch_libraries(self):
        return [f"-L{self.tools.torch / 'lib'}", "-ltorch", "-ltorch_cpu", "-lc10"]

    common = ["-std=c++17", "-fPIC", "-Wall", "-Wextra", "-fvisibility=hidden"]

    def cpu(self):
        flags = [*self.common, *OPTIMISE, *self.sanitize]
        objects = self.compile("cpu", sorted(CSRC.glob("cpu/*.cpp")), flags)
        objects += self.compile("cpu", sorted(CSRC.glob("bind/*.cpp")), flags + self.with_torch())
        self.link("_native_cpu", objects, [*self.torch_libraries(), *self.sanitize])

    def cuda(self):
        nvcc = self.tools.nvcc()
        architectures = self.tools.architectures(nvcc)
        if not architectures:
            raise Missing(f"{nvcc} knows none of sm_{', sm_'.join(CUDA_ARCHITECTURES)}")
        self.ninja.rule("nvcc", f"{nvcc} -MD -MF $out.d $flags -c $in -o $out", "compile $out",
                        depfile="$out.d", deps="gcc")
        targets = [f"-gencode arch=compute_{a},code=sm_{a}" for a in architectures]
        newest = architectures[-1]  # and its assembly, for the GPUs of tomorrow
        targets.append(f"-gencode arch=compute_{newest},code=compute_{newest}")
        define = "-DEDUDET_WITH_CUDA"
        flags = ["-std=c++17", "-O3", "-fmad=false", "-Xcompiler -fPIC,-fvisibility=hidden", define]
        objects = self.compile("cuda", sorted(CSRC.glob("cuda/*.cu")), flags + targets, "nvcc")
        toolkit = nvcc.parent.parent
        include = f"-isystem {toolkit / 'include'}"
        objects += self.compile("cuda", sorted(CSRC.glob("bind/*.cpp")),
                                [*self.common, "-O2", define, include, *self.with_torch()])
        machine = {"aarch64": "sbsa"}.get(platform.machine(), platform.machine())
        places = [toolkit / place for place in ("lib64", "lib", f"targets/{machine}-linux/lib")]
        self.link("_native_cuda", objects,
                  [*self.torch_libraries(), *[f"-L{place}" for place in places],
                   "-lcudart_static", "-ldl", "-lrt", "-lpthread"])

    def emulator(self):
        raise Missing("not written yet")

    def run(self):
        self.ninja.default([str(library) for library in self.libraries])
        self.file.close()
        jobs = os.environ.get("EDUDET_JOBS")
        command = [self.tools.ninja, "-C", self.scratch, *(["-j", jobs] if jobs else [])]
        if subprocess.run(command).returncode:
            raise SystemExit(f"edudet: compiling failed; the errors stand above (build.ninja is in {self.scratch})")


if __name__ == "__main__":
    main()

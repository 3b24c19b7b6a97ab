"""Builds csrc/ into edudet/_native_*.so. What cannot be built is left out, with the reason.

EDUDET_CUDA=0|1|auto   without, with, or with the CUDA kernels if nvcc is there (the default);
                       beside a torch without CUDA, auto compiles them for one architecture alone
EDUDET_JOBS=n          so many compilers at a time (default: one per core)
EDUDET_SANITIZE=address,undefined   only the CPU kernels, under these sanitizers
CXX=g++-12             another C++ compiler; clang++ builds all but what the checker needs

The compilers are called through ninja, not through torch.utils.cpp_extension: beside a torch
without CUDA that one refuses to call nvcc, and it includes headers that take 45 s a file.
"""

import json
import os
import platform
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent.resolve()
LIBRARIES = ("cpu", "cuda", "emulated", "checked")
TARGET_VERSION = "0x020a000000000000ULL"  # torch 2.10: the binaries run on this and all later ones
CUDA_ARCHITECTURES = ("75", "80", "86", "89", "90", "100", "120")
OLDEST = {"g++": (9, 0), "clang++": (10, 0)}

BASIC = ("-std=c++17", "-fPIC", "-Wall", "-Wextra", "-fvisibility=hidden")
# No contraction of a * b + c: a decision that hangs on the last bit must be the same everywhere.
# No errno and no traps: both would keep the compiler from vectorising.
OPTIMISE = ("-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math")
# The emulator jumps between stacks, which _FORTIFY_SOURCE would take for an attack.
EMULATE = ("-O2", "-ffp-contract=off", "-U_FORTIFY_SOURCE")
# For the checker, every load and store calls a function; debug information gives it source lines
# (in version 4: binutils misread the file names of version 5). A float4 stays one load of 16 bytes.
# g++ only: clang++ calls them for other accesses, too, of which the checker would speak.
WATCH = ("-O1", "-gdwarf-4", "-fno-omit-frame-pointer", "-fsanitize=thread", "-fno-tree-sra")
# What a library shows to others, and that it takes its own names from itself: the process may hold
# NVIDIA's runtime, or another C++ library.
EXPORTS = Path("csrc", "emulator", "exports.map")
OWN_NAMES = (f"-Wl,--version-script={EXPORTS}", "-Wl,-Bsymbolic")
CLOSED = "-Wl,-z,defs"  # every name is that of a library that it is linked to


class Missing(Exception):
    """Why a library is left out, and how to get it."""


class BuildWithSources(build_py):
    """The wheel carries csrc/: the emulator compiles against it and the lessons show it."""

    def run(self):
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib, "edudet", "csrc")
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(ROOT / "csrc", target)


class BuildNative(build_ext):
    def run(self):
        in_place = self.inplace or self.editable_mode
        target = ROOT / "edudet" if in_place else Path(self.build_lib, "edudet").resolve()
        target.mkdir(parents=True, exist_ok=True)
        left_out, report = build(target), target / "_build.json"
        text = json.dumps(left_out, indent=1)
        if report.exists() and report.read_text() == text:
            return  # said before
        report.write_text(text)
        for name, reason in left_out.items():
            print(f"edudet: built without the {name} kernels: {reason}", file=sys.stderr)

    def get_outputs(self):
        return []

    def get_output_mapping(self):
        return {}


def build(target):
    """Compile what can be compiled into `target`; return {library: reason} for the rest."""
    sanitize = os.environ.get("EDUDET_SANITIZE")
    left_out = {}
    try:
        plan = Plan(Path("build", "sanitized" if sanitize else "native"), sanitize)
    except Missing as reason:
        left_out = dict.fromkeys(LIBRARIES, str(reason))
    else:
        plan.cpu()
        for names, add in ((("emulated", "checked"), plan.emulated), (("cuda",), plan.cuda)):
            try:
                if sanitize:
                    raise Missing("this is a build for the sanitizers")
                add()
            except Missing as reason:
                left_out.update(dict.fromkeys(names, str(reason)))
        left_out.update({**plan.run(), **plan.left_out})
        for library in plan.libraries:
            replace(ROOT / library, target / library.name)
    for name in left_out:
        (target / f"_native_{name}.so").unlink(missing_ok=True)
    return left_out


def replace(made, place):
    """Copy what is new. A process that runs the old one keeps its file."""
    if not made.exists():
        place.unlink(missing_ok=True)
    elif not place.exists() or place.stat().st_mtime_ns != made.stat().st_mtime_ns:
        place.unlink(missing_ok=True)
        shutil.copy2(made, place)


class Plan:
    """Writes build.ninja, library by library, and runs it. Paths are relative to ROOT."""

    def __init__(self, folder, sanitize):
        try:
            import ninja
            from ninja.ninja_syntax import Writer

            # Where torch lies is all that is asked: to import it takes seconds, at every `make`.
            site = Path(find_spec("torch").origin).parent if find_spec("torch") else None
            if not site:
                raise ImportError(name="torch")
        except ImportError as error:
            raise Missing(
                f"the Python package {error.name} is missing: pip install torch ninja pybind11, "
                "and install edudet with --no-build-isolation"
            ) from None
        self.gxx = os.environ.get("CXX") or "g++"
        self.family, version = compiler(self.gxx)
        self.folder, self.libraries, self.left_out = folder, [], {}
        self.sanitize = (f"-fsanitize={sanitize}", "-fno-sanitize-recover=all") if sanitize else ()
        self.program = Path(ninja.BIN_DIR, "ninja")
        self.torch_cuda = runpy.run_path(str(site / "version.py")).get("cuda")
        self.with_torch = (
            *("-isystem", site / "include"),
            f"-DTORCH_TARGET_VERSION={TARGET_VERSION}",
        )
        self.torch_libraries = (f"-L{site / 'lib'}", "-ltorch", "-ltorch_cpu", "-lc10")
        (ROOT / folder).mkdir(parents=True, exist_ok=True)
        self.file = (ROOT / folder / "build.ninja").open("w")
        self.ninja = Writer(self.file, width=100)
        self.ninja.variable("builddir", str(folder))  # where ninja keeps its log
        # The version stands in the command, so that a newer compiler compiles again.
        compiled_by = f"-DEDUDET_COMPILER={self.family}-{version}"
        self.rule("cxx", f"{self.gxx} {compiled_by} -MMD -MF $out.d $flags -c $in -o $out")
        self.ninja.rule("link", f"{self.gxx} -shared $in -o $out $flags", "link $out")

    def rule(self, name, command):
        """A rule whose command writes down which files it has read."""
        self.ninja.rule(name, command, f"{name} $out", depfile="$out.d", deps="gcc")

    def compile(self, group, sources, flags, rule="cxx"):
        """One object per source; `group` keeps the libraries' objects apart."""
        objects = []
        for source in sources:
            objects.append(str(self.folder / group / source.parent.name / source.name) + ".o")
            self.ninja.build(objects[-1], rule, str(source), variables={"flags": quoted(flags)})
        return objects

    def link(self, name, objects, flags, needs=()):
        """`needs`: what of this plan is linked as well, and lies beside the library."""
        self.libraries.append(self.folder / f"{name}.so")
        flags = quoted((*needs, *flags, *OWN_NAMES, *(["-Wl,-rpath,$$ORIGIN"] if needs else [])))
        self.ninja.build(
            str(self.libraries[-1]), "link", objects, implicit=[str(EXPORTS), *map(str, needs)],
            variables={"flags": flags},
        )  # fmt: skip

    def cpu(self):
        flags = (*BASIC, *OPTIMISE, *self.sanitize)
        objects = self.compile("cpu", sources("cpu", "cpp"), flags)
        objects += self.compile("cpu", sources("bind", "cpp"), (*flags, *self.with_torch))
        last = self.sanitize or [CLOSED]  # the process brings the sanitizers' names
        self.link("_native_cpu", objects, (*self.torch_libraries, *last))

    def cuda(self):
        nvcc, toolkit = find_nvcc()
        listed = subprocess.run([nvcc, "--list-gpu-arch"], capture_output=True, text=True).stdout
        known = [arch for arch in CUDA_ARCHITECTURES if f"compute_{arch}\n" in listed]
        if not known:
            raise Missing(f"{nvcc} compiles for none of sm_{', sm_'.join(CUDA_ARCHITECTURES)}")
        if self.torch_cuda is None and os.environ.get("EDUDET_CUDA") != "1":
            # This torch can call none of them: one target, as assembly that later GPUs run too,
            # shows that they compile, in a seventh of the time.
            known = known[:1]
        targets = [f"-gencode=arch=compute_{arch},code=sm_{arch}" for arch in known]
        # And the newest as assembly, for the GPUs of tomorrow.
        targets.append(f"-gencode=arch=compute_{known[-1]},code=compute_{known[-1]}")
        define = "-DEDUDET_WITH_CUDA"
        self.rule("nvcc", f"{shlex.quote(str(nvcc))} -MD -MF $out.d $flags -c $in -o $out")
        flags = ("-std=c++17", "-O3", "-fmad=false", "-Xcompiler=-fPIC,-fvisibility=hidden", define)
        objects = self.compile("cuda", sources("cuda", "cu"), (*flags, *targets), "nvcc")
        flags = (*BASIC, "-O2", define, "-isystem", toolkit / "include", *self.with_torch)
        objects += self.compile("cuda", bindings_of_kernels(), flags)
        machine = {"aarch64": "sbsa"}.get(platform.machine(), platform.machine())
        places = [f"-L{toolkit / p}" for p in ("lib64", "lib", f"targets/{machine}-linux/lib")]
        runtime = ("-lcudart_static", "-ldl", "-lrt", "-lpthread")
        self.link("_native_cuda", objects, (*self.torch_libraries, *places, *runtime, CLOSED))

    def emulated(self):
        """The emulator as a Python module; the CUDA code on it, once plain and once watched."""
        try:
            import pybind11
        except ImportError:
            raise Missing("the Python package pybind11 is missing: pip install pybind11") from None
        headers = (pybind11.get_include(), sysconfig.get_path("include"))
        if not Path(headers[1], "Python.h").exists():
            raise Missing("Python.h is missing: apt install python3-dev")
        include = [word for path in headers for word in ("-isystem", path)]
        engine = self.compile("engine", sources("emulator", "cpp"), (*BASIC, *EMULATE, *include))
        self.link("_emulator", engine, ("-pthread", "-lrt", "-ldl", "-Wl,-soname,_emulator.so"))
        emulator = self.libraries[-1]

        rewriter = Path("edudet", "emulator", "rewrite.py")
        command = f"{quoted([sys.executable, rewriter])} $in $out --depfile $out.d"
        self.rule("rewrite", command)
        kernels = []
        for source in sources("cuda", "cu"):
            kernels.append(self.folder / "rewritten" / f"{source.stem}.cpp")
            self.ninja.build(str(kernels[-1]), "rewrite", str(source), implicit=[str(rewriter)])
        flags = (*BASIC, *EMULATE, "-Icsrc/emulator/include", "-DEDUDET_WITH_CUDA")
        flags = (*flags, "-Werror=unused-result")  # of a CUDA call: no error is dropped
        for name, watch, define in (
            ("emulated", (), ["-DEDUDET_EMULATED"]),
            ("checked", WATCH, ["-DEDUDET_EMULATED", "-DEDUDET_CHECKED"]),
        ):
            if watch and self.family != "g++":
                self.left_out[name] = f"the checker needs g++, and CXX={self.gxx} is another"
                continue
            objects = self.compile(name, kernels, (*flags, "-Wno-sign-compare", *define, *watch))
            bindings = (*flags, *define, *self.with_torch)
            objects += self.compile(name, bindings_of_kernels(), bindings)
            self.link(f"_native_{name}", objects, (*self.torch_libraries, CLOSED), [emulator])

    def run(self):
        """Compile; return {library: reason} for those whose code this compiler does not take."""
        self.ninja.default([str(library) for library in self.libraries])
        self.file.close()
        if "no work to do" in self.call("-n").stdout:
            return {}
        print("edudet: compiling csrc/ (only what has changed)", file=sys.stderr, flush=True)
        done = self.call("-k", "0")
        if done.returncode == 0:
            return {}
        print(done.stdout, file=sys.stderr)
        failed = {}
        for library in self.libraries:
            done = self.call("-k", "0", str(library))
            if done.returncode:
                (ROOT / library).unlink(missing_ok=True)
                failed[library.stem.removeprefix("_native_")] = first_error(done.stdout)
        return self.without_failed(failed)

    def call(self, *arguments):
        jobs = os.environ.get("EDUDET_JOBS")
        command = [self.program, "-f", self.folder / "build.ninja", *(["-j", jobs] if jobs else [])]
        return subprocess.run(
            [*command, *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )

    def without_failed(self, failed):
        if "_emulator" in failed:  # the two others are nothing without it
            failed.update(dict.fromkeys(("emulated", "checked"), failed.pop("_emulator")))
        demanded = ("cpu",) if self.sanitize else ()
        demanded += ("cuda",) if os.environ.get("EDUDET_CUDA") == "1" else ()
        for name in demanded:
            if name in failed:
                raise SystemExit(f"edudet: the {name} kernels {failed[name]}; see above")
        return failed


def first_error(messages):
    lines = [line.strip() for line in messages.splitlines()]
    errors = [line for line in lines if re.search(r"\b([Ee]rror|undefined reference)\b", line)]
    # ninja's own lines begin with its name; what the compiler said comes before the last of them.
    said = [line for line in lines if line and not line.startswith(("ninja:", "FAILED:", "["))]
    return f"did not compile: {(errors or said or ['no message'])[0]}"


def sources(room, ending):
    return sorted(path.relative_to(ROOT) for path in ROOT.glob(f"csrc/{room}/*.{ending}"))


def bindings_of_kernels():
    """The bindings of the operators that have CUDA kernels; the others live in the CPU library."""
    stems = {path.stem for path in sources("cuda", "cu")}
    return [path for path in sources("bind", "cpp") if path.stem in stems]


def quoted(words):
    return " ".join(shlex.quote(str(word)) for word in words)


def compiler(gxx):
    """Family and version of the compiler, if it is new enough."""
    program, *options = shlex.split(gxx)
    if not shutil.which(program):
        raise Missing(f"{program} is not installed: apt install g++ (or as your system says it)")

    def ask(*words):
        return subprocess.run([program, *options, *words], capture_output=True, text=True).stdout

    family = "clang++" if "clang" in ask("--version") else "g++"
    # g++ gives all of its version to the first of them, clang knows the second alone.
    text = ask("-dumpfullversion", "-dumpversion") or ask("-dumpversion")
    version = tuple(int(number) for number in re.findall(r"\d+", text)[:3])
    if version < OLDEST[family]:
        found, wanted = (".".join(map(str, v)) for v in (version[:2], OLDEST[family]))
        raise Missing(
            f"{program} is version {found or 'unknown'}, and the kernels need {wanted}: "
            "apt install g++-12 and set CXX=g++-12"
        )
    return family, ".".join(map(str, version))


def find_nvcc():
    """The compiler and the toolkit that it belongs to. EDUDET_CUDA decides whether to look."""
    wish = os.environ.get("EDUDET_CUDA", "auto")
    if wish not in ("0", "1", "auto"):
        raise SystemExit(f"edudet: EDUDET_CUDA must be 0, 1 or auto, got {wish!r}")
    if wish == "0":
        raise Missing("EDUDET_CUDA=0 asked for a build without them")
    home = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH") or "/usr/local/cuda"
    for candidate in (f"{home}/bin/nvcc", "nvcc"):
        if shutil.which(candidate):
            # nvcc may be a link or a script: what it says of itself names the real place.
            command = [candidate, "--dryrun", "-c", "-x", "cu", os.devnull]
            words = subprocess.run(command, capture_output=True, text=True).stderr
            top = re.search(r"TOP=(.*)", words)
            if top:
                toolkit = Path(top[1].strip()).resolve()
                return toolkit / "bin" / "nvcc", toolkit
    reason = "nvcc is not installed: get the CUDA toolkit, or set CUDA_HOME to where it is"
    if wish == "1":
        raise SystemExit(f"edudet: EDUDET_CUDA=1, but {reason}")
    raise Missing(reason)


if __name__ == "__main__":
    setup(
        ext_modules=[Extension("edudet._native", sources=[])],  # makes the wheel one of a platform
        cmdclass={"build_ext": BuildNative, "build_py": BuildWithSources},
    )

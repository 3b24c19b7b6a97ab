"""Makes .venv and keeps it right; the Makefile calls it before each of its commands.

    python3 requirements/install.py demo test      what these extras of pyproject.toml need

Packages come in the versions of requirements/3.*.txt, and only those that are missing. Then
setup.py compiles what it can (only what has changed: half a second with nothing to do). There are
no stamps for that: what was not possible is tried again each time. What is chosen once (CHOICES)
holds until something else is chosen, and `make clean` forgets it.

The standard library alone, in the words of old Pythons: they must be able to read what they lack.
"""

import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from subprocess import DEVNULL

ROOT = Path(__file__).resolve().parents[1]
OLDEST = (3, 10)
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
CHOICES = ("CXX", "EDUDET_CUDA", "CUDA_HOME", "TORCH_INDEX")
TOOLS = ("pip", "setuptools", "ninja", "pybind11")  # what must be there before setup.py can run
# Packages that a build of torch chooses by itself: another index has other versions of them.
WITH_TORCH = re.compile(r"torch|triton|nvidia-|cuda-")


def main(extras):
    check_writable(ROOT)
    with open(__file__) as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # two terminals, one environment
        environment = Environment(ROOT)
        environment.choose()
        environment.make()
        environment.add_packages(extras)


def check_writable(root):
    """A checkout of somebody else's, or one in which `sudo make` was run once."""
    for path in (root, *(root / name for name in (".venv", "build", "out", "edudet"))):
        if path.exists() and not os.access(path, os.W_OK):
            stop(
                f"{path} belongs to {owner(path)}, and you may not write there. If the checkout is "
                f"yours: sudo chown -R $(id -u) '{root}'. If not, make a copy of your own: "
                f"cp -r '{root}' ~/edudet, then: make -C ~/edudet demo"
            )


class Environment:
    """.venv with the packages and the kernels; `state` is what it was made from."""

    def __init__(self, root):
        self.root, self.folder = root, root / ".venv"
        self.python = self.folder / "bin" / "python"
        self.file = self.folder / "edudet.json"
        try:
            self.state = json.loads(self.file.read_text())
        except (OSError, ValueError):
            self.state = {}

    def note(self, **facts):
        self.state.update(facts)
        self.file.write_text(json.dumps(self.state, indent=1))

    def choose(self):
        """Choices of the command line or of the environment, else those of before."""
        self.choices = dict(self.state.get("choices", {}))
        self.choices.update({name: os.environ[name] for name in CHOICES if name in os.environ})
        self.choices = {name: value for name, value in self.choices.items() if value}
        for name, value in sorted(self.choices.items()):
            if name not in os.environ:
                say(f"{name}={value}, as chosen before (`make {name}= ...` forgets it)")

    def make(self):
        """A virtual environment holds the absolute path of its place, and its Python's."""
        reason = self.unusable()
        if reason:
            if sys.version_info < OLDEST:
                found = platform.python_version()
                stop(
                    f"Python 3.10 or newer is needed, got {found}. Try: make PYTHON=python3.12 ..."
                )
            try:
                import ensurepip  # noqa: F401
                import venv  # noqa: F401
            except ImportError:
                stop("Python's venv module is missing. Try: apt install python3-venv")
            say(reason)
            base = getattr(sys, "_base_executable", sys.executable)  # not the one that is removed
            shutil.rmtree(str(self.folder), ignore_errors=True)
            run(base, "-m", "venv", self.folder, failing="making .venv failed")
            self.state = {}
            self.note(place=str(self.root), python=this_python())
        self.note(choices=self.choices)

    def unusable(self):
        """Why .venv must be made (again), or None."""
        if not self.folder.exists():
            return "making .venv (once)"
        place = self.state.get("place")
        if place is None:
            return "making .venv again: it was not finished, or made by something else"
        if place != str(self.root):
            return f"making .venv again: this checkout was moved or copied here from {place}"
        works = os.access(str(self.python), os.X_OK)
        if not works or subprocess.run([str(self.python), "-c", ""], stderr=DEVNULL).returncode:
            return "making .venv again: the Python that it was made with is gone"
        if os.environ.get("PYTHON") and self.state["python"] != this_python():
            return "making .venv again, with another Python"
        return None

    def add_packages(self, extras):
        version, _ = self.state["python"]
        lock = self.root / "requirements" / f"{version}.txt"
        extras = sorted({*extras, *self.state.get("extras", ())})
        weights = self.root / "weights"
        files = [self.root / "pyproject.toml", weights / "pyproject.toml", lock]
        content = b"".join(path.read_bytes() for path in files if path.exists())
        wanted = [hashlib.sha256(content).hexdigest(), self.choices.get("TORCH_INDEX")]
        ready = self.state.get("installed") == wanted
        if not ready:
            self.constraints = self.constrain(lock)
            self.pip(*TOOLS)
            self.add_torch(lock)
            self.note(extras=[])
        self.compile()
        if not ready or extras != self.state["extras"]:
            self.constraints = self.constrain(lock)
            say(f"installing what {', '.join(extras)} needs" + ("" if ready else " (once)"))
            # Without isolation: an isolated build would download another torch.
            more = ["-e", "./weights"] if weights.exists() else []
            self.pip("--no-build-isolation", "-e", f".[{','.join(extras)}]", *more)
            self.note(installed=wanted, extras=extras)

    def constrain(self, lock):
        """The lock for pip, which a torch from elsewhere follows in its own packages as well."""
        if not lock.exists():
            say(f"there is no {lock.name} in requirements/: the newest packages are taken")
            return ()
        lines = lock.read_text().splitlines()
        if self.choices.get("TORCH_INDEX"):
            lines = [line for line in lines if not WITH_TORCH.match(line) or line[:7] == "torch=="]
        file = self.folder / "constraints.txt"
        file.write_text("\n".join(lines) + "\n")
        return ("-c", file)

    def add_torch(self, lock):
        """torch, from where it suits the machine; an installed one of the right version stays."""
        found = re.search(r"^torch==.*", lock.read_text(), re.M) if lock.exists() else None
        torch = found.group() if found else "torch"
        index = self.choices.get("TORCH_INDEX")
        if index:
            say(f"{torch} from {index}")
            again = ("--force-reinstall",) if self.state.get("torch") != index else ()
            self.pip("--index-url", index, "--no-deps", *again, torch)
        elif self.state.get("torch") and self.state["torch"] != "default":
            self.pip("--force-reinstall", "--no-deps", *self.cpu_build(torch), torch)
        elif not self.has(torch):
            self.pip("--no-deps", *self.cpu_build(torch), torch)
        self.pip(torch)  # and what it needs, from the usual place
        self.note(torch=index or "default")

    def has(self, requirement):
        code = "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))"
        name, _, version = requirement.partition("==")
        command = [str(self.python), "-c", code, name]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=DEVNULL, text=True)
        found = done.stdout.strip()
        return bool(found) and version in ("", found.partition("+")[0])

    def cpu_build(self, torch):
        """pip's options for a torch without CUDA, if the machine has no driver."""
        driver = nvidia_driver()
        if driver:
            say(f"{torch} with CUDA, as there is {driver}: up to 3 GB to download")
            return ()
        options = ("--index-url", CPU_INDEX)
        # Quickly, and without a word: where there is no way to that place, there is another.
        quick = ("--dry-run", "--ignore-installed", "--no-deps", "--retries", "0", "--timeout", "5")
        command = [str(self.python), "-m", "pip", "install", *quick, *options, torch]
        if subprocess.run(command, stdout=DEVNULL, stderr=DEVNULL).returncode == 0:
            say(f"{torch} without CUDA, as there is no NVIDIA driver: about 200 MB to download")
            return options
        say(
            f"{CPU_INDEX} cannot be reached, which has {torch} without CUDA. The one of the\n"
            "  usual index is taken; if it comes with CUDA, that is 3 GB to download and 6 GB on\n"
            "  disk. To do without: stop this, and name a mirror (make TORCH_INDEX=https://...\n"
            "  demo), or fetch the wheel elsewhere (PIP_FIND_LINKS=its-folder make demo)"
        )
        return ()

    def pip(self, *words):
        command = [self.python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        run(
            *command, *self.constraints, *words, cwd=self.root, env=self.variables(),
            failing="pip failed, see above. Run the same command again: it goes on from here",
        )  # fmt: skip

    def compile(self):
        run(
            self.python, "setup.py", "-q", "build_ext", "--inplace",
            cwd=self.root, env=self.variables(), failing="the build stopped, see above",
        )  # fmt: skip

    def variables(self):
        kept = {name: value for name, value in os.environ.items() if name not in CHOICES}
        # setuptools warns at length of what was asked for.
        quiet = {"PYTHONWARNINGS": "ignore:Editable installation"}
        return {**kept, **self.choices, **quiet}


def nvidia_driver(root=Path("/")):
    """Where a driver for NVIDIA's GPUs shows itself, or None."""
    if shutil.which("nvidia-smi"):
        return "nvidia-smi"
    signs = ("proc/driver/nvidia/version", "dev/nvidiactl", "usr/lib/wsl/lib/libcuda.so.1")
    return next((f"/{sign}" for sign in signs if (root / sign).exists()), None)


def this_python():
    return ["{}.{}".format(*sys.version_info), sys.base_prefix]


def owner(path):
    try:
        return path.owner()
    except KeyError:  # a number without a name
        return f"user {path.stat().st_uid}"


def run(*command, failing, **options):
    if subprocess.run([str(word) for word in command], **options).returncode:
        stop(failing)


def say(text):
    print(f"edudet: {text}", flush=True)


def stop(text):
    sys.exit(f"edudet: {text}")


if __name__ == "__main__":
    main(sys.argv[1:])

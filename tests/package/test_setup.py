"""What `make` does before each command: requirements/install.py, with stubs for Python and pip."""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERSION = "{}.{}".format(*sys.version_info)
# Writes down what it is asked to do; `-m venv` makes another of itself.
STUB = """#!/bin/sh
echo "$*" >> "$LOG"
case "$*" in
  *"-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  *--dry-run*) exit "$PROBE" ;;
  *setup.py*) echo "CXX=$CXX EDUDET_CUDA=$EDUDET_CUDA" >> "$LOG" ;;
  *importlib.metadata*) test -e "$LOG.torch" && cat "$LOG.torch"; exit 0 ;;
  *"--no-deps"*) exit "$PIP" ;;
esac
"""


@pytest.fixture
def install():
    spec = importlib.util.spec_from_file_location("install", ROOT / "requirements" / "install.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def machine(install, tmp_path, monkeypatch):
    """A checkout, and a function that prepares it as `make` does and returns what was called."""
    root, log = tmp_path / "my checkout", tmp_path / "log"
    (root / "requirements").mkdir(parents=True)
    (root / "pyproject.toml").write_text("")
    lock = root / "requirements" / f"{VERSION}.txt"
    lock.write_text("numpy==2.0\nnvidia-cublas==13.1\ntorch==2.13.0\ntriton==3.7\n")
    stub = tmp_path / "python-stub"
    stub.write_text(STUB)
    stub.chmod(0o755)
    monkeypatch.setattr(sys, "_base_executable", str(stub), raising=False)
    monkeypatch.setattr(install, "nvidia_driver", lambda: None)
    for name in (*install.CHOICES, "PYTHON"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (("LOG", str(log)), ("PROBE", "0"), ("PIP", "0")):
        monkeypatch.setenv(name, value)

    class Machine:
        def __init__(self):
            self.root, self.lock, self.torch = root, lock, Path(f"{log}.torch")

        def prepare(self, *extras, **choices):
            log.write_text("")
            with pytest.MonkeyPatch.context() as patch:
                for name, value in choices.items():
                    patch.setenv(name, value)
                environment = install.Environment(self.root)
                environment.choose()
                environment.make()
                environment.add_packages(extras or ("demo",))
            return [line for line in log.read_text().splitlines() if line.strip() != "-c"]

    return Machine()


def pip_calls(calls):
    """The words after pip's options."""
    return [call.split("constraints.txt ")[-1] for call in calls if "-m pip install -q" in call]


def test_first_a_venv_then_torch_then_the_kernels(machine, install, capsys):
    calls = machine.prepare()
    assert calls[0] == f"-m venv {machine.root}/.venv"
    assert pip_calls(calls) == [
        "pip setuptools ninja pybind11",
        f"--no-deps --index-url {install.CPU_INDEX} torch==2.13.0",
        "torch==2.13.0",
        "--no-build-isolation -e .[demo]",
    ]
    build = next(i for i, call in enumerate(calls) if "setup.py" in call)
    assert "torch" in calls[build - 1] and ".[demo]" in calls[-1]
    said = capsys.readouterr().out
    assert "making .venv (once)" in said and "without CUDA" in said and "200 MB" in said


def test_again_only_asks_the_compiler(machine):
    """No stamp stands between `apt install g++` and the next build."""
    machine.prepare()
    again = machine.prepare()
    assert again[0] == "setup.py -q build_ext --inplace" and len(again) == 2


def test_another_command_adds_what_it_needs(machine):
    machine.prepare("demo")
    assert pip_calls(machine.prepare("test")) == ["--no-build-isolation -e .[demo,test]"]
    assert pip_calls(machine.prepare("demo")) == []


def test_a_new_lock_is_followed_by_all_that_was_installed(machine):
    machine.prepare("demo", "test")
    machine.torch.write_text("2.13.0+cpu\n")
    machine.lock.write_text(machine.lock.read_text().replace("numpy==2.0", "numpy==2.1"))
    calls = pip_calls(machine.prepare("demo"))
    assert calls[-1] == "--no-build-isolation -e .[demo,test]"
    assert not any("--no-deps" in call for call in calls), "the torch that is there was replaced"
    assert "numpy==2.1" in (machine.root / ".venv" / "constraints.txt").read_text()


def test_another_version_of_torch_in_the_lock_is_fetched(machine):
    machine.prepare()
    machine.torch.write_text("2.13.0+cpu\n")
    machine.lock.write_text(machine.lock.read_text().replace("2.13.0", "2.14.1"))
    assert any("--no-deps" in call and "torch==2.14.1" in call for call in machine.prepare())


def test_where_the_cpu_builds_cannot_be_reached(machine, monkeypatch, capsys):
    monkeypatch.setenv("PROBE", "1")
    calls = machine.prepare()
    assert "--retries 0 --timeout 5" in next(call for call in calls if "--dry-run" in call)
    assert "--no-deps torch==2.13.0" in pip_calls(calls)
    said = capsys.readouterr().out
    for words in ("3 GB to download and 6 GB on", "make TORCH_INDEX=", "PIP_FIND_LINKS="):
        assert words in said


def test_the_chosen_index_wins_and_holds(machine, install, capsys):
    calls = machine.prepare(TORCH_INDEX="https://here/cu126")
    assert not any("--dry-run" in call for call in calls)
    assert "--index-url https://here/cu126 --no-deps --force-reinstall torch==2.13.0" in (
        pip_calls(calls)
    )
    # That build brings its own CUDA: only torch itself is held.
    constraints = (machine.root / ".venv" / "constraints.txt").read_text()
    assert constraints == "numpy==2.0\ntorch==2.13.0\n"
    capsys.readouterr()
    assert pip_calls(machine.prepare()) == []
    assert "TORCH_INDEX=https://here/cu126, as chosen before" in capsys.readouterr().out
    back = pip_calls(machine.prepare(TORCH_INDEX=""))
    assert f"--force-reinstall --no-deps --index-url {install.CPU_INDEX} torch==2.13.0" in back
    assert "nvidia-cublas" in (machine.root / ".venv" / "constraints.txt").read_text()
    assert pip_calls(machine.prepare()) == []


def test_with_a_driver_torch_comes_with_cuda(machine, install, monkeypatch, capsys):
    monkeypatch.setattr(install, "nvidia_driver", lambda: "nvidia-smi")
    calls = machine.prepare()
    assert "--no-deps torch==2.13.0" in pip_calls(calls)
    assert not any("--dry-run" in call for call in calls)
    assert "with CUDA, as there is nvidia-smi" in capsys.readouterr().out


@pytest.mark.parametrize(
    "sign", ["proc/driver/nvidia/version", "dev/nvidiactl", "usr/lib/wsl/lib/libcuda.so.1"]
)
def test_how_a_driver_shows_itself(install, monkeypatch, tmp_path, sign):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert install.nvidia_driver(tmp_path) is None
    (tmp_path / sign).parent.mkdir(parents=True)
    (tmp_path / sign).touch()
    assert install.nvidia_driver(tmp_path) == f"/{sign}"
    program = tmp_path / "nvidia-smi"
    program.touch(mode=0o755)
    assert install.nvidia_driver(tmp_path) == "nvidia-smi"


def test_a_compiler_that_was_chosen_holds(machine):
    assert machine.prepare(CXX="g++-12", EDUDET_CUDA="0")[-2:-1] == ["CXX=g++-12 EDUDET_CUDA=0"]
    assert machine.prepare()[-1] == "CXX=g++-12 EDUDET_CUDA=0"
    assert machine.prepare(CXX="clang++")[-1] == "CXX=clang++ EDUDET_CUDA=0"
    assert machine.prepare(CXX="", EDUDET_CUDA="")[-1] == "CXX= EDUDET_CUDA="
    assert machine.prepare()[-1] == "CXX= EDUDET_CUDA="


def test_a_moved_checkout_makes_its_environment_again(machine, capsys):
    machine.prepare("demo", "test")
    old, machine.root = machine.root, machine.root.with_name("elsewhere")
    shutil.move(old, machine.root)
    calls = machine.prepare("demo")
    assert calls[0] == f"-m venv {machine.root}/.venv"
    assert f"moved or copied here from {old}" in capsys.readouterr().out
    assert machine.prepare("demo")[0].startswith("setup.py")


def test_a_python_that_is_gone(machine, capsys):
    machine.prepare()
    (machine.root / ".venv" / "bin" / "python").unlink()
    assert machine.prepare()[0].startswith("-m venv")
    assert "the Python that it was made with is gone" in capsys.readouterr().out


def test_a_half_made_environment_is_not_trusted(machine, capsys):
    (machine.root / ".venv").mkdir()
    assert machine.prepare()[0].startswith("-m venv")
    assert "it was not finished" in capsys.readouterr().out


def test_only_a_python_that_is_asked_for_replaces_another(machine, install, monkeypatch, capsys):
    machine.prepare()
    monkeypatch.setattr(install, "this_python", lambda: [VERSION, "/opt/another"])
    assert machine.prepare()[0].startswith("setup.py")
    assert machine.prepare(PYTHON="/opt/another/bin/python")[0].startswith("-m venv")
    assert "with another Python" in capsys.readouterr().out


def test_what_pip_could_not_do_is_tried_again(machine, monkeypatch):
    monkeypatch.setenv("PIP", "1")
    with pytest.raises(SystemExit, match="Run the same command again"):
        machine.prepare()
    monkeypatch.setenv("PIP", "0")
    assert pip_calls(machine.prepare())[-1] == "--no-build-isolation -e .[demo]"


def test_a_python_without_a_lock(machine, capsys):
    machine.lock.unlink()
    calls = machine.prepare()
    assert not any("-c " in call for call in calls if "pip" in call)
    assert "the newest packages are taken" in capsys.readouterr().out


def test_an_old_python_is_named(machine, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit, match=r"3.10 or newer is needed, got .* make PYTHON=python3.12"):
        machine.prepare()


def test_a_python_without_venv(machine, monkeypatch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(SystemExit, match="apt install python3-venv"):
        machine.prepare()
    assert not (machine.root / ".venv").exists()


@pytest.mark.parametrize("name", ["", ".venv", "build", "out", "edudet"])
def test_a_checkout_of_another_user(install, tmp_path, monkeypatch, name):
    place = tmp_path / name
    place.mkdir(exist_ok=True)
    install.check_writable(tmp_path)
    access = os.access
    monkeypatch.setattr(os, "access", lambda p, mode: Path(p) != place and access(p, mode))
    monkeypatch.setattr(Path, "owner", lambda path: "anna")
    with pytest.raises(SystemExit) as stopped:
        install.check_writable(tmp_path)
    for words in (f"{place} belongs to anna", "sudo chown -R", "cp -r", "make -C ~/edudet demo"):
        assert words in str(stopped.value)


# --- the real pip, and the real make ------------------------------------------------------------


@pytest.fixture
def probe(install, tmp_path, monkeypatch):
    """The options that a real pip gets for torch, given an index; and seconds."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setattr(install, "nvidia_driver", lambda: None)

    def ask(index):
        monkeypatch.setattr(install, "CPU_INDEX", index)
        environment = install.Environment(tmp_path)
        environment.python = sys.executable
        start = time.monotonic()
        return environment.cpu_build("torch==2.13.0"), time.monotonic() - start

    return ask


def test_an_index_that_has_it(probe, tmp_path):
    folder = tmp_path / "simple" / "torch"
    folder.mkdir(parents=True)
    wheel = folder / "torch-2.13.0+cpu-py3-none-any.whl"
    info = "torch-2.13.0+cpu.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: torch\nVersion: 2.13.0+cpu\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    (folder / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    index = (tmp_path / "simple").as_uri()
    assert probe(index)[0] == ("--index-url", index)


def test_an_index_that_refuses(probe):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    options, seconds = probe(f"http://127.0.0.1:{port}/simple")
    assert options == () and seconds < 60


@pytest.mark.slow
def test_an_index_that_says_nothing(probe):
    """A firewall that drops everything: seconds, not pip's five tries of 15."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        options, seconds = probe(f"http://127.0.0.1:{server.getsockname()[1]}/simple")
    assert options == () and seconds < 60


@pytest.fixture
def make(tmp_path):
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    for name in ("Makefile", "requirements"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, tmp_path / name)

    def call(*words, **environment):
        # `make test` itself would tell the inner one of its own variables and of its depth.
        inherited = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CXX", "EDUDET_CUDA", "PYTHON")
        kept = {name: text for name, text in os.environ.items() if name not in inherited}
        variables = {**kept, **environment}
        return subprocess.run(
            ["make", *words], cwd=tmp_path, env=variables, capture_output=True, text=True
        )

    return call


def test_make_without_python(make):
    done = make("PYTHON=no-such-python", "demo")
    assert done.returncode != 0
    assert "no-such-python is not installed. Try: apt install python3 python3-venv" in done.stdout


def test_make_tells_what_was_chosen(make, tmp_path):
    """On the command line or in the environment; what make itself thinks of CXX is no choice."""
    python = tmp_path / "stub"
    said = "${CXX-none} ${EDUDET_CUDA-none} ${PYTHON-none} $*"
    python.write_text(f'#!/bin/sh\necho "{said}"\nexit 1\n')
    python.chmod(0o755)
    path = f"PYTHON={python}"
    assert make(path, "demo").stdout.startswith(f"none none {python} requirements/install.py demo")
    assert make(path, "CXX=g++-12", "slow", EDUDET_CUDA="0").stdout.startswith(
        f"g++-12 0 {python} requirements/install.py test cluster"
    )


def test_every_command_of_the_list_is_described(make):
    listed = make("help").stdout
    for name in ("demo", "test", "lint", "lab", "notebooks", "build", "hooks"):
        assert f"make {name} " in listed

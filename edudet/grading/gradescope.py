"""An autograder for Gradescope: a zip with setup.sh, run_autograder, the bundle and the library.

Gradescope runs each submission in a container of its own, mostly without user namespaces: there the
worker is another user, behind Landlock and limits. The whole submission's result is written even if
the grader itself fails.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import edudet
from edudet.grading.bundle import load

SETUP = """\
#!/usr/bin/env bash
# Runs once, when Gradescope builds the image.
set -euo pipefail
cd /autograder/source
apt-get update -qq && apt-get install -y -qq python3 python3-pip python3-venv bubblewrap
python3 -m venv /opt/edudet
/opt/edudet/bin/pip install -q torch=={torch} --index-url https://download.pytorch.org/whl/cpu
/opt/edudet/bin/pip install -q numpy click rich jinja2 matplotlib setuptools ninja pybind11
/opt/edudet/bin/pip install -q --no-build-isolation --no-deps ./edudet-source
chmod -R a+rX /opt/edudet
chmod -R go-rwx /autograder/source
"""

RUN = """\
#!/usr/bin/env bash
# Runs for every submission: /autograder/submission -> /autograder/results/results.json
cd /autograder/source
exec /opt/edudet/bin/python -m edudet.grading.gradescope_run
"""


def pack(bundle: Path, out: Path) -> list[str]:
    """Write the zip to upload. Raises BadBundle if the bundle is not whole."""
    loaded = load(bundle)
    path = out if out.suffix == ".zip" else out / "autograder.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    import torch

    version = torch.__version__.split("+")[0]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "setup.sh", SETUP.format(torch=version).encode(), 0o755)
        _add(archive, "run_autograder", RUN.encode(), 0o755)
        for file in sorted(bundle.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                _add(archive, f"bundle/{file.relative_to(bundle)}", file.read_bytes(), 0o600)
        for name, file in _library():
            _add(archive, f"edudet-source/{name}", file.read_bytes(), 0o644)
    return [f"{path}: {len(loaded.exercises)} exercises; upload it as the autograder"]


def _add(archive: zipfile.ZipFile, name: str, data: bytes, mode: int) -> None:
    info = zipfile.ZipInfo(name)  # a fixed date: the same course makes the same zip
    info.external_attr = mode << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, data)


def _library() -> Iterator[tuple[str, Path]]:
    """The files that an installation is built from: a checkout's."""
    package = Path(edudet.__file__).parent
    root = package.parent
    if not (root / "setup.py").exists():
        raise ValueError("course pack: works from a checkout of edudet, whose sources it packs")
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        yield name, root / name
    for folder in ("edudet", "csrc"):
        for file in sorted((root / folder).rglob("*")):
            built = file.suffix in (".so", ".pyc") or "__pycache__" in file.parts
            if file.is_file() and not built and file.name != "_build.json":
                yield str(file.relative_to(root)), file

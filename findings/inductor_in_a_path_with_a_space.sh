#!/usr/bin/env bash
# torch.compile's default backend for CPUs calls g++ with torch's own library folder unquoted: in an
# environment whose path has a space ("/home/jo doe/course/.venv") every compiled function ends in an
# error of the linker that speaks of halves of that path. Eager torch, and the backends that call no
# compiler, work there.
#
# Seen when the tests of a project ran as a user with a space in the path. Needs the network, g++ with
# OpenMP, Python's headers, a minute, 1 GB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export TORCHINDUCTOR_CACHE_DIR=$folder/cache
python3 -m venv "$folder/plain"
"$folder/plain/bin/python" -m pip install -q torch==2.13.0 numpy setuptools
mkdir "$folder/with space"
python3 -m venv "$folder/with space/venv"
cp -r "$folder"/plain/lib/python3*/site-packages/. "$folder/with space/venv/lib/"python3*/site-packages/
cat > "$folder/compiled.py" <<'PYTHON'
import sys

import torch

x = torch.arange(3.0)
assert torch.compile(lambda x: x * 2 + 1, backend="eager")(x).tolist() == [1, 3, 5]
try:
    found = torch.compile(lambda x: x * 2 + 1)(x).tolist()
except Exception as error:
    cut = [line for line in str(error).splitlines() if "cannot find" in line]
    print(f"torch {torch.__version__} in {sys.prefix!r}: {type(error).__name__}: {cut[:1]}")
    raise SystemExit(3 if cut else 4)
print(f"torch {torch.__version__} in {sys.prefix!r}: {found}")
PYTHON
"$folder/plain/bin/python" "$folder/compiled.py"
status=0
"$folder/with space/venv/bin/python" "$folder/compiled.py" || status=$?
[ "$status" = 3 ] || { echo "a path with a space gave exit $status, not the linker's error"; exit 1; }
echo "as seen: the same torch compiles in a plain path, and not in one with a space"

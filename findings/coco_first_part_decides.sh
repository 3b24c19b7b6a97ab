#!/usr/bin/env bash
# pycocotools 2.0.11 looks at the length of the first part of a polygon alone to tell what the list is.
# An object outlined in two parts, one of which was clicked with two corners only, is read if that part
# comes second (it encloses nothing) and raises a TypeError about an argument "bb" if it comes first:
# four numbers are taken for a box, and a box must be a numpy array. The same file, the parts in another
# order, and a data set that loaded yesterday does not load today.
#
# Seen while files of several annotation tools were read beside pycocotools. Needs the network, seconds.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q pycocotools==2.0.11 numpy
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

from pycocotools import mask

print("pycocotools", version("pycocotools"), "numpy", version("numpy"))
ROOF = [10, 20, 40, 20, 40, 30, 10, 30]  # 30 x 10 pixels
CLICKED_TWICE = [50, 5, 58, 12]

codes = mask.frPyObjects([ROOF, CLICKED_TWICE], 40, 64)
print("outline first:      areas", [int(mask.area(code)) for code in codes])
assert [int(mask.area(code)) for code in codes] == [300, 0]
for parts in ([CLICKED_TWICE, ROOF], [CLICKED_TWICE]):
    try:
        mask.frPyObjects(parts, 40, 64)
    except TypeError as error:
        print(f"two corners first ({len(parts)} parts): TypeError: {error}")
        assert "bb" in str(error)
    else:
        raise SystemExit("two corners in the first part are taken now")
PYTHON

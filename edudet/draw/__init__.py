"""Figures: one style, safe for colour-blind eyes; boxes are always drawn the same way.

Every function draws into given axes, or makes a figure and returns it, or `Steps`: a figure for
every step, under a slider.

A figure lies under the stem of what it draws: draw/ops/nms.py draws edudet/ops/nms.py. What several
rooms use (the style, the steps, boxes, grids, ...) lies at the top.

Public, `from edudet.draw import step_nms`, is what two lessons, exercises, pages of the docs or
parts of the library use, and what draws an operator, a target or a metric step by step: `step_` and
its stem, in the file of that stem. All else is of one lesson, which imports it from its module:
`from edudet.draw.models.rcnn import draw_crops`.

The list of the public names is __init__.pyi, for type checkers and for this module, which loads a
file when a figure of it is first asked for.
"""

import ast
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

if find_spec("matplotlib") is None:
    raise ImportError("figures need matplotlib: pip install 'edudet[demo]'")

_LIST = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
_MODULE_OF = {
    line.names[0].name: line.module for line in _LIST.body if isinstance(line, ast.ImportFrom)
}
__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'edudet.draw' has no attribute {name!r}")
    globals()[name] = getattr(import_module(_MODULE_OF[name]), name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""VOC's lists of images and its XML files, read with the line of everything.

Python's own tree of XML forgets on which line an element stood; expat, below it, knows. A file from
elsewhere must not make us read other files or grow without end: both need a DOCTYPE, which no
annotation has, and which is refused.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

CORNERS = ("xmin", "ymin", "xmax", "ymax")


class VocObject(NamedTuple):
    label: int
    box_voc: tuple[float, ...]  # xmin, ymin, xmax, ymax: one-based, inclusive
    flags: tuple[bool, ...]     # difficult, truncated, occluded
    line: int                   # of its box in the file


def read_names(path: Path) -> list[str]:
    """The images of a set. In sets of one class (car_train.txt) a second word tells whether the
    class is in the image, 1, or not, -1: every image is listed, and every image is read."""
    if not path.is_file():
        present = sorted(one.stem for one in path.parent.glob("*.txt"))
        raise FileNotFoundError(
            f"VocFolder: image_set must be a file in {path.parent} ({', '.join(present) or 'none'})"
            f", got {path.stem!r}"
        )
    lines: dict[str, int] = {}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"VocFolder: {path} must be a text, got: {error}") from None
    for number, words in enumerate(map(str.split, text.splitlines()), 1):
        if not words:
            continue
        name = words[0]
        if len(words) > 2 or not _is_stem(name) or name in lines:
            rule = "must have the name of one image, without its folder, that is on no other line"
            got = f"{name!r} as on line {lines[name]}" if name in lines else repr(" ".join(words))
            raise ValueError(f"VocFolder: {path}, line {number}: {rule}, got {got}")
        lines[name] = number
    return list(lines)


def _is_stem(name: str) -> bool:
    return name not in (".", "..") and not any(sign in name for sign in "/\\:\0")


class _Xml:
    """A tree of elements that knows its lines."""

    def __init__(self, path: Path):
        self.path, self.lines = path, dict[Element, int]()
        builder, parser = TreeBuilder(), expat.ParserCreate()
        parser.buffer_text = True

        def start(tag: str, attributes: dict[str, str]) -> None:
            self.lines[builder.start(tag, attributes)] = parser.CurrentLineNumber

        def refuse(*_: Any) -> NoReturn:
            self.fail(parser.CurrentLineNumber, "must have no DOCTYPE", "one")

        parser.StartElementHandler, parser.EndElementHandler = start, builder.end
        parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = builder.data, refuse
        try:
            parser.Parse(path.read_bytes(), True)
        except expat.ExpatError as error:
            what = f"must be XML (column {error.offset})"
            self.fail(error.lineno, what, expat.ErrorString(error.code))
        except (LookupError, ValueError) as error:
            if str(error).startswith("VocFolder"):
                raise
            self.fail(1, "must be XML", str(error))  # an encoding that Python does not know
        self.root = builder.close()

    def fail(self, line: int, rule: str, got: str) -> NoReturn:
        got = got if len(got) < 80 else got[:76] + " ..."
        raise ValueError(f"VocFolder: {self.path}, line {line}: {rule}, got {got}") from None

    def text(self, parent: Element, tag: str, default: str | None = None) -> tuple[str, int]:
        """The text of a child, and its line. Its children only: parts have boxes of their own."""
        child = parent.find(tag)
        if child is None:
            if default is None:
                self.fail(self.lines[parent], f"{parent.tag} must have a {tag}", "none")
            return default, self.lines[parent]
        return (child.text or "").strip(), self.lines[child]

    def number(self, parent: Element, tag: str) -> float:
        text, line = self.text(parent, tag)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not abs(value) < 1e9:
            self.fail(line, f"{tag} must be a number", repr(text))
        return value

    def flag(self, parent: Element, tag: str) -> bool:
        text, line = self.text(parent, tag, "0")
        if text not in ("0", "1", ""):
            self.fail(line, f"{tag} must be 0 or 1", repr(text))
        return text == "1"


def read_objects(
    path: Path, labels: Mapping[str, int]
) -> tuple[tuple[int, int] | None, list[VocObject]]:
    """Return (height, width) of the image, if the file tells, and the objects.

    Raises:
        ValueError: the file is no XML or has a DOCTYPE; a number is none; a box is inverted; a
            name is none of `labels`. The message names the line.
    """
    xml = _Xml(path)
    if xml.root.tag != "annotation":
        xml.fail(xml.lines[xml.root], "must be an annotation", repr(xml.root.tag))
    size = None
    if (element := xml.root.find("size")) is not None:
        height, width = (xml.number(element, side) for side in ("height", "width"))
        size = (int(height), int(width)) if height > 0 and width > 0 else None  # 0: left open
    return size, [_read_object(xml, one, labels) for one in xml.root.findall("object")]


def _read_object(xml: _Xml, element: Element, labels: Mapping[str, int]) -> VocObject:
    name, line = xml.text(element, "name")
    if name not in labels:
        xml.fail(line, f"name must be one of {', '.join(labels)}", repr(name))
    box = element.find("bndbox")
    if box is None:
        xml.fail(xml.lines[element], "object must have a bndbox", "none")
    corners = tuple(xml.number(box, corner) for corner in CORNERS)
    if corners[2] < corners[0] or corners[3] < corners[1]:
        xml.fail(xml.lines[box], "bndbox must have xmin <= xmax and ymin <= ymax", str([*corners]))
    flags = tuple(xml.flag(element, flag) for flag in ("difficult", "truncated", "occluded"))
    return VocObject(labels[name], corners, flags, xml.lines[box])

"""VOC's lists of images and its XML files, read with the line of everything.

Python's own tree of XML forgets on which line an element stood; expat, below it, knows. A file from
elsewhere must not make us read other files or grow without end: both need a DOCTYPE, which no
annotation has, and which is refused.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

CORNERS = ("xmin", "ymin", "xmax", "ymax")
FLAGS = {"": 0.0, "false": 0.0, "no": 0.0, "true": 1.0, "yes": 1.0}


class VocObject(NamedTuple):
    label: int
    box_voc: tuple[float, ...]  # xmin, ymin, xmax, ymax, as they are written
    flags: tuple[bool, ...]     # difficult, truncated, occluded
    line: int                   # of its box in the file


def read_names(path: Path, known: Callable[[str], bool]) -> list[str]:
    """The images of a set, one a line: the path of a file without its extension, spaces and all.

    In sets of one class (car_train.txt) a number behind the name tells whether the class is in the
    image, 1, or not, -1, or hardly, 0: every image is listed, and every image is read. What ends in
    such a number and is `known` is a name.
    """
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
    for number, line in enumerate(text.splitlines(), 1):
        name = line.strip().replace("\\", "/")
        words = name.rsplit(maxsplit=1)
        flagged = len(words) == 2 and words[1] in ("1", "-1", "0")
        if flagged and not (_is_below(name) and known(name)):
            name = words[0]
        if not name:
            continue
        if not _is_below(name) or name in lines:
            rule = "must have the name of one image of this folder that is on no other line"
            got = f"{name!r} as on line {lines[name]}" if name in lines else repr(line.strip())
            raise ValueError(f"VocFolder: {path}, line {number}: {rule}, got {got}")
        lines[name] = number
    return list(lines)


def _is_below(name: str) -> bool:
    """Whether a name leads to no other folder, on any system."""
    parts = name.split("/")
    return "" not in parts and not {".", ".."} & {*parts} and not any(c in name for c in ":\0")


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

    def flag(self, parent: Element, tag: str, decides: bool) -> bool:
        """0 or 1, in the words of any tool. A flag that decides nothing stops no file: there, part
        of 1 is something (truncated by .06), and what is no number and no answer is no yes."""
        text, line = self.text(parent, tag, "0")
        try:
            value = FLAGS[text.lower()] if text.lower() in FLAGS else float(text)
        except ValueError:
            value = math.nan
        if decides and value not in (0, 1):
            self.fail(line, f"{tag} must be 0 or 1", repr(text))
        return value > 0


def read_file_name(path: Path) -> str:
    """What an XML file says that its picture is called; "" if it does not say."""
    return (xml := _annotation(path)).text(xml.root, "filename", "")[0]


def read_objects(
    path: Path, labels: Mapping[str, int]
) -> tuple[tuple[int, int] | None, list[VocObject]]:
    """Return (height, width) of the image, if the file tells, and the objects.

    Raises:
        ValueError: the file is no XML or has a DOCTYPE; a number is none; a box is inverted; a
            name is none of `labels`. The message names the line.
    """
    xml = _annotation(path)
    size = None
    if (element := xml.root.find("size")) is not None:
        height, width = (xml.number(element, side) for side in ("height", "width"))
        size = (int(height), int(width)) if height > 0 and width > 0 else None  # 0: left open
    return size, [_read_object(xml, one, labels) for one in xml.root.findall("object")]


def _annotation(path: Path) -> _Xml:
    xml = _Xml(path)
    if xml.root.tag != "annotation":
        xml.fail(xml.lines[xml.root], "must be an annotation", repr(xml.root.tag))
    return xml


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
    flags = (
        xml.flag(element, "difficult", decides=True), xml.flag(element, "truncated", decides=False),
        xml.flag(element, "occluded", decides=False),
    )  # fmt: skip
    return VocObject(labels[name], corners, flags, xml.lines[box])

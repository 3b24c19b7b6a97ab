"""Levels of difficulty: how scenes are drawn, in plain numbers.

A level of your own is one of these with some numbers changed, e.g.
`dataclasses.replace(LEVELS["default"], objects=(0, 3), photos=0.0)`.
"""

from dataclasses import dataclass

from edudet.data.digits import DIGITS
from edudet.data.shapes import SHAPES

EIGHT = ("ball", "ring", "tile", "triangle", "star", "cross", "moon", "heart")


@dataclass(frozen=True)
class Level:
    """What scenes show, and how hard it is to see.

    Pairs of numbers are the smallest and the largest, both included; shares and chances lie in
    [0, 1].

    Args:
        shapes: the classes that are shapes, of `edudet.data.shapes.SHAPES`.
        digits: whether handwritten digits are ten more classes.
        objects: how many shapes and digits a scene has.
        sides: pixels of an object's longer side, as far as it is seen.
        people: how many people a scene has; "person" is a class, the last, if it may be any.
        heights: pixels of a person's height.
        clutter: how many planks lie about that are no objects.
        crowd: how many members a group has that is annotated as one; (0, 0): no group.
        least_visible: share of an object that must be seen: the rest may be hidden or cut off.
        least_side: pixels of the shorter side of a box, at least.
        truncation: chance that the border of the image may cut an object.
        rotation: the largest angle to either side, in degrees.
        neighbours: chance that an object is put on or into another one.
        photos: chance that a background is a photo rather than a texture.
        ground: chance that the lower part of the image is another background.
        contrast: the least difference of mean colours, object and what is behind, in [0, 1].
        typical: chance that an object has the colour that is typical of its class.
        noise: the camera's, as the largest change of a pixel in [0, 1].
    """

    shapes: tuple[str, ...] = EIGHT
    digits: bool = False
    objects: tuple[int, int] = (1, 8)
    sides: tuple[float, float] = (10, 64)
    people: tuple[int, int] = (0, 0)
    heights: tuple[float, float] = (40, 100)
    clutter: tuple[int, int] = (0, 0)
    crowd: tuple[int, int] = (0, 0)
    least_visible: float = 0.5
    least_side: int = 6
    truncation: float = 0.4
    rotation: float = 180.0
    neighbours: float = 0.2
    photos: float = 0.5
    ground: float = 0.3
    contrast: float = 0.2
    typical: float = 0.5
    noise: float = 0.04

    def __post_init__(self) -> None:
        unknown = [name for name in self.shapes if name not in SHAPES]
        if unknown:
            raise ValueError(
                f"Level: shapes must be among {', '.join(SHAPES)}, got {unknown[0]!r}"
            )
        if len(set(self.shapes)) < len(self.shapes):
            raise ValueError(f"Level: shapes must be different, got {self.shapes}")
        for name in ("objects", "sides", "people", "heights", "clutter", "crowd"):
            low, high = getattr(self, name)
            least = 4 if name in ("sides", "heights") else 0
            if not least <= low <= high:
                raise ValueError(
                    f"Level: {name} must be the smallest and the largest number, at least "
                    f"{least}, got {(low, high)}"
                )
        for name in ("least_visible", "truncation", "neighbours", "photos", "ground", "contrast",
                     "typical", "noise"):  # fmt: skip
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"Level: {name} must lie in [0, 1], got {getattr(self, name)}")
        if max(self.objects[1], self.crowd[1]) > 0 and self.num_objects == 0:
            raise ValueError("Level: shapes must name a class where objects are wanted, got ()")

    @property
    def num_objects(self) -> int:
        """How many classes are shapes or digits."""
        return len(self.shapes) + 10 * self.digits

    @property
    def categories(self) -> tuple[str, ...]:
        """The names of the labels 1, 2, ...; 0 is the background."""
        person = ("person",) if self.people[1] else ()
        return self.shapes + (DIGITS if self.digits else ()) + person


LEVELS = {
    "default": Level(),
    "easy": Level(
        objects=(1, 3), sides=(20, 56), least_visible=1.0, truncation=0.0, rotation=15.0,
        neighbours=0.0, photos=0.0, ground=0.0, contrast=0.3, typical=1.0, noise=0.02,
    ),
    "hard": Level(
        shapes=tuple(SHAPES), objects=(3, 15), sides=(8, 72), clutter=(1, 5), least_visible=0.3,
        truncation=0.6, neighbours=0.3, photos=0.7, ground=0.4, contrast=0.1, typical=0.0,
        noise=0.1,
    ),
    "crowded": Level(objects=(15, 40), sides=(8, 24), crowd=(8, 14), truncation=0.2),
    "digits": Level(
        shapes=(), digits=True, objects=(1, 6), sides=(14, 56), rotation=20.0, photos=0.0,
        contrast=0.35,
    ),
    "people": Level(
        shapes=(), objects=(0, 0), people=(1, 4), clutter=(0, 3), least_visible=0.6,
        truncation=0.3, contrast=0.1,
    ),
    "mixed": Level(digits=True, objects=(1, 8), people=(0, 2), crowd=(4, 8), rotation=20.0),
}  # fmt: skip

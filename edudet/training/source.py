"""Where the images of a training come from, and those that the trained model is measured on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edudet.data.digests import names_of, shared_files
from edudet.data.part import Part, held_out
from edudet.training.recipes import Recipe


@dataclass(frozen=True)
class Source:
    """Where images come from: generated scenes of a level, or a folder.

    Args:
        level: of the scenes; None: the recipe's data, mostly scenes of a level.
        coco: (folder of images, file of annotations).
        voc: a folder in VOC's layout, of 2007.
        test_set: of a VOC folder, the image set that is measured on; it is trained on "trainval".
        classes: of a VOC folder, the names of its classes; None: VOC's.
        one_based: of a VOC folder, whether its boxes are counted as VOC counts (`VocFolder`).
        val: what is measured on, and not trained on; None: the test scenes, `test_set`, and of
            `coco` the training images, as there are no others. A number between 0 and 1: this share
            of the training images, chosen by their names. Else, of scenes, "test"; of `voc`, the
            name of an image set; of `coco`, a file of annotations of other images in its folder, or
            a folder with images/ and annotations.json in it, or "FOLDER,FILE".
    """

    level: str | None = None
    coco: tuple[Path, Path] | None = None
    voc: Path | None = None
    test_set: str = "test"
    classes: tuple[str, ...] | None = None
    one_based: bool = True
    val: str | None = None

    def name(self, recipe: Recipe) -> str:
        if self.coco:
            return f"coco {self.coco[1].name}"
        if self.voc:
            return f"voc {self.voc.name}"
        if recipe.data and not self.level:
            return recipe.data.__name__.lower()
        return f"scenes {self.level or recipe.level}"

    def measured_on(self, recipe: Recipe) -> str:
        """What the images of the split "test" are, in a few words."""
        share = self._share()
        if share:
            return f"{100 * share:g} % of the images, not trained on"
        if self.voc:
            return f"image set {self.test_set if self.val is None else self.val}"
        if not self.coco:
            return f"test {self.name(recipe).split()[0]}"
        if self.val is None:
            return "training images"
        folder, file = self._val_files()
        if folder == self.coco[0]:
            return f"validation file {file.name}"
        return f"validation folder {(folder.parent if folder.name == 'images' else folder).name}"

    def open(self, recipe: Recipe, split: str, seed: int = 0, length: int | None = None) -> Any:
        """The dataset, without what `recipe.prepare` adds; of what is no folder, `length` images.

        split: "train", or "test": what is measured on.

        Raises:
            ValueError: `val` is nothing of the kind.
        """
        share, training = self._share(), split == "train"
        if self.coco:
            dataset = self._coco(recipe, training)
        elif self.voc:
            dataset = self._voc(recipe, training)
        else:
            dataset = self._drawn(recipe, "train" if share else split, seed, length)
        if share:
            left, held = held_out(names_of(dataset), share)
            return Part(dataset, left if training else held)
        return dataset

    def _coco(self, recipe: Recipe, training: bool) -> Any:
        from edudet.data.coco import CocoFolder

        assert self.coco is not None
        apart = not training and self.val is not None and not self._share()
        folder, file = self._val_files() if apart else self.coco
        # Where none is one object, there is none to learn from.
        masks = "masks" in recipe.task.NEEDS
        return CocoFolder(folder, file, keep_crowds=not training, masks=masks)

    def _voc(self, recipe: Recipe, training: bool) -> Any:
        if self._share():
            return self._image_set(recipe, "trainval", training)
        apart = self.test_set if self.val is None else self.val
        if not training:
            return self._image_set(recipe, apart, False)
        dataset = self._image_set(recipe, "trainval", True)
        if self.val is None:
            return dataset
        shown = {*shared_files(dataset, self._image_set(recipe, apart, False))}
        left = [i for i, path in enumerate(dataset.pictures) if path not in shown]
        if not left:
            raise ValueError(f"train: val must be an image set that leaves images of trainval to "
                             f"train on, got {self.val!r}")  # fmt: skip
        return Part(dataset, left)

    def _image_set(self, recipe: Recipe, image_set: str, training: bool) -> Any:
        from edudet.data.voc import CLASSES, VocFolder

        assert self.voc is not None
        kind = "segmentation" if {"masks", "semantic"} & {*recipe.task.NEEDS} else "boxes"
        return VocFolder(
            self.voc, image_set=image_set, kind=kind, keep_difficult=not training,
            categories=self.classes or CLASSES, one_based=self.one_based,
        )

    def _drawn(self, recipe: Recipe, split: str, seed: int, length: int | None) -> Any:
        from edudet.data import Scenes

        if self.val not in (None, "test") and not self._share():
            raise ValueError(f"train: val must be 'test' or a number between 0 and 1 for "
                             f"{self.name(recipe)}, got {self.val!r}")  # fmt: skip
        if recipe.data and not self.level:
            return recipe.data(split, length)
        if length is None and split == "train":
            length = recipe.length
        return Scenes(self.level or recipe.level, split, seed, length)

    def _share(self) -> float | None:
        """`val`, if it is a number; what there is of that name in COCO's case comes first."""
        if self.val is None or (self.coco and Path(self.val).exists()):
            return None
        try:
            share = float(self.val)
        except ValueError:
            return None
        if not 0 < share < 1:
            raise ValueError(
                f"train: val must lie between 0 and 1 if it is a number, got {self.val!r}"
            )
        return share

    def _val_files(self) -> tuple[Path, Path]:
        """The folder of images and the file of annotations that `val` means."""
        assert self.coco is not None and self.val is not None
        path = Path(self.val)
        if path.is_file():
            return self.coco[0], path
        if (path / "images").is_dir() and (path / "annotations.json").is_file():
            return path / "images", path / "annotations.json"
        for i, letter in enumerate(self.val):  # a name may have a comma of its own
            folder, file = Path(self.val[:i]), Path(self.val[i + 1 :])
            if letter == "," and folder.is_dir() and file.is_file():
                return folder, file
        raise ValueError(
            "train: val must be a number between 0 and 1, a file of annotations, a folder with "
            f"images/ and annotations.json in it, or FOLDER,FILE, got {self.val!r}"
        )


SCENES = Source()

import re

import numpy as np
import pytest
import torch
from PIL import Image

from edudet.data.voc import CLASSES, VocFolder

# As the devkit writes them: tabs, parts with boxes of their own before the object's, flags that
# came with later years, numbers with decimals.
DOG_AND_PERSON = """<annotation>
\t<folder>VOC2007</folder>
\t<filename>000005.jpg</filename>
\t<source><database>The VOC2007 Database</database></source>
\t<size><width>10</width><height>8</height><depth>3</depth></size>
\t<segmented>0</segmented>
\t<object>
\t\t<name>dog</name>
\t\t<pose>Left</pose>
\t\t<truncated>1</truncated>
\t\t<difficult>0</difficult>
\t\t<bndbox>
\t\t\t<xmin>1</xmin>
\t\t\t<ymin>3</ymin>
\t\t\t<xmax>4</xmax>
\t\t\t<ymax>8</ymax>
\t\t</bndbox>
\t</object>
\t<object>
\t\t<part>
\t\t\t<name>head</name>
\t\t\t<bndbox><xmin>6</xmin><ymin>1</ymin><xmax>7</xmax><ymax>2</ymax></bndbox>
\t\t</part>
\t\t<name>person</name>
\t\t<difficult>1</difficult>
\t\t<occluded>1</occluded>
\t\t<bndbox><xmin>5.5</xmin><ymin>1</ymin><xmax>10</xmax><ymax>8</ymax></bndbox>
\t</object>
</annotation>
"""
NOTHING = "<annotation><size><width>0</width><height>0</height></size></annotation>"
CLASS_MAP = np.zeros((8, 10), np.uint8)
CLASS_MAP[2:8, 0:4] = 12
CLASS_MAP[2:8, 4] = 255
CLASS_MAP[0:8, 5:10] = 15
OBJECT_MAP = np.zeros((8, 10), np.uint8)
OBJECT_MAP[CLASS_MAP == 12] = 1
OBJECT_MAP[CLASS_MAP == 15] = 2
OBJECT_MAP[0:3, 9] = 3  # a second person, whom the XML file does not know
OBJECT_MAP[CLASS_MAP == 255] = 255


def indexed(path, indices):
    image = Image.fromarray(indices, mode="P")
    image.putpalette([value for colour in range(256) for value in (colour, 255 - colour, 7)])
    path.parent.mkdir(exist_ok=True)
    image.save(path)


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "VOCdevkit" / "VOC2007"
    for room in ("JPEGImages", "Annotations", "ImageSets/Main", "ImageSets/Segmentation"):
        (folder / room).mkdir(parents=True)
    for name, colour, text in (("000005", 200, DOG_AND_PERSON), ("000007", 20, NOTHING)):
        Image.new("RGB", (10, 8), (colour, 0, 0)).save(folder / "JPEGImages" / f"{name}.jpg")
        (folder / "Annotations" / f"{name}.xml").write_text(text)
    (folder / "ImageSets/Main/trainval.txt").write_text("000007\r\n000005\r\n\n")
    (folder / "ImageSets/Main/dog_train.txt").write_text("000005  1\n000007 -1\n")
    (folder / "ImageSets/Segmentation/val.txt").write_text("000005\n")
    indexed(folder / "SegmentationClass" / "000005.png", CLASS_MAP)
    indexed(folder / "SegmentationObject" / "000005.png", OBJECT_MAP)
    return tmp_path


def devkit(root):
    return root / "VOCdevkit" / "VOC2007"


def annotated(root, text):
    """The example of the dog with another XML file."""
    path = devkit(root) / "Annotations" / "000005.xml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return VocFolder(root)[1]


def test_the_classes_are_vocs():
    assert len(CLASSES) == 20 and list(CLASSES) == sorted(CLASSES)
    assert CLASSES.index("dog") + 1 == 12 and CLASSES.index("person") + 1 == 15


def test_what_is_read(root):
    dataset = VocFolder(root)
    assert len(dataset) == 2 and dataset.names == ["000007", "000005"]
    image, target = dataset[1]
    assert image.shape == (3, 8, 10) and image.dtype == torch.float32
    assert image.mean((1, 2)).tolist() == pytest.approx([200 / 255, 0, 0], abs=0.02)
    # One-based and inclusive: columns 1 to 4 are [0, 4).
    assert target["boxes"].tolist() == [[0, 2, 4, 8], [4.5, 0, 10, 8]]
    assert target["boxes"].dtype == target["area"].dtype == torch.float32
    assert target["labels"].tolist() == [12, 15] and target["labels"].dtype == torch.int64
    assert target["area"].tolist() == [24, 44]
    assert target["difficult"].tolist() == [False, True]
    assert target["truncated"].tolist() == [True, False]
    assert target["occluded"].tolist() == [False, True]
    assert target["iscrowd"].tolist() == [False, False] and target["image_id"] == 2
    assert dataset[-1][1]["image_id"] == 2


def test_an_image_without_objects(root):
    target = VocFolder(root)[0][1]
    assert {key: tuple(target[key].shape) for key in target if key != "image_id"} == {
        "boxes": (0, 4), "labels": (0,), "area": (0,), "iscrowd": (0,), "difficult": (0,),
        "truncated": (0,), "occluded": (0,),
    }  # fmt: skip
    assert target["labels"].dtype == torch.int64 and target["difficult"].dtype == torch.bool


def test_without_difficult_objects(root):
    target = VocFolder(root, keep_difficult=False)[1][1]
    assert target["labels"].tolist() == [12] and target["boxes"].tolist() == [[0, 2, 4, 8]]
    masks = VocFolder(root, "2007", "val", "segmentation", keep_difficult=False)[0][1]
    assert masks["masks"].shape == (2, 8, 10) and masks["semantic"].shape == (8, 10)


@pytest.mark.parametrize("below", ["", "VOCdevkit", "VOCdevkit/VOC2007"])
def test_any_of_the_folders_will_do(root, below):
    assert len(VocFolder(root / below)) == 2


def test_sets_of_one_class_list_every_image(root):
    assert VocFolder(root, image_set="dog_train").names == ["000005", "000007"]


def test_masks(root):
    _, target = VocFolder(root, image_set="val", kind="segmentation")[0]
    assert target["labels"].tolist() == [12, 15, 15]
    for n, mask in enumerate(target["masks"], 1):
        assert torch.equal(mask, torch.from_numpy(OBJECT_MAP) == n)
    assert np.array_equal(target["semantic"].numpy(), CLASS_MAP.astype(np.int64))
    assert not target["masks"].any(0)[target["semantic"] == 255].any()
    assert target["boxes"].tolist() == [[0, 2, 4, 8], [5, 0, 10, 8], [9, 0, 10, 3]]
    assert target["area"].tolist() == [24, 37, 3]
    assert target["difficult"].tolist() == [False, True, False]
    assert target["truncated"].tolist() == [True, False, False]


def test_masks_without_xml(root):
    (devkit(root) / "Annotations" / "000005.xml").unlink()
    target = VocFolder(root, image_set="val", kind="segmentation")[0][1]
    assert target["labels"].tolist() == [12, 15, 15] and not target["difficult"].any()


def test_flags_are_not_those_of_an_object_of_another_class(root):
    text = DOG_AND_PERSON.replace(">person<", ">cat<")
    (devkit(root) / "Annotations" / "000005.xml").write_text(text)
    target = VocFolder(root, image_set="val", kind="segmentation")[0][1]
    assert target["labels"].tolist() == [12, 15, 15]
    assert target["truncated"].tolist() == [True, False, False]
    assert not target["difficult"].any()


def test_boxes_are_cut_off(root):
    text = DOG_AND_PERSON.replace("<xmax>10</xmax>", "<xmax>12</xmax>")
    text = text.replace("<ymin>3</ymin>", "<ymin>0</ymin>")
    with pytest.warns(UserWarning, match="bndbox begins at 1, 0, and VOC's first pixel is 1, 1"):
        target = annotated(root, text)[1]
    assert target["boxes"].tolist() == [[0, 0, 4, 8], [4.5, 0, 10, 8]]


def test_other_encodings(root):
    text = DOG_AND_PERSON.replace("VOC2007 Database", "dépôt")
    declared = '<?xml version="1.0" encoding="iso-8859-1"?>\n' + text
    assert len(annotated(root, declared.encode("latin-1"))[1]["boxes"]) == 2


BOMB = (
    '<?xml version="1.0"?>\n<!DOCTYPE a [<!ENTITY x "xxxxxxxx">\n<!ENTITY y "&x;&x;">]>\n'
    "<annotation>&y;</annotation>"
)
OUTSIDE = '\n<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>\n<annotation>&x;</annotation>'


def changed(old, new, text=DOG_AND_PERSON):
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (BOMB, 2, "must have no DOCTYPE"),
        (OUTSIDE, 2, "must have no DOCTYPE"),
        (DOG_AND_PERSON.split("</ymin>")[0], 14, r"must be XML \(column \d+\), got "),
        ("", 1, "must be XML .* no element found"),
        (changed("</object>", "</objekt>"), 18, "mismatched tag"),
        ('<?xml version="1.0" encoding="x"?><annotation/>', 1, "must be XML"),
        ("<html/>", 1, "must be an annotation, got 'html'"),
        (changed(">dog<", ">hound<"), 8, "name must be one of aeroplane, .*, got 'hound'"),
        (changed("<name>dog</name>", ""), 7, "object must have a name, got none"),
        (changed("<ymin>3</ymin>", "<ymin>three</ymin>"), 14, "ymin must be a number, got 'three'"),
        (changed("<ymin>3</ymin>", "<ymin>nan</ymin>"), 14, "ymin must be a number"),
        (changed("<ymin>3</ymin>", ""), 12, "bndbox must have a ymin"),
        (changed("<ymin>3</ymin>", "<ymin>9</ymin>"), 12, "bndbox must have xmin <= xmax and ymin"),
        (changed("<difficult>0<", "<difficult>.06<"), 11, "difficult must be 0 or 1, got '.06'"),
        (re.sub("(?s)\t\t<bndbox>\n.*?</bndbox>\n", "", DOG_AND_PERSON), 7, "object must have a"),
        (DOG_AND_PERSON.replace("<xmin>1<", "<xmin>11<").replace("<xmax>4<", "<xmax>12<"), 12,
         r"bndbox must lie in the image of 10 x 8 pixels \(width x height\), got \[11.0, 3.0, 12"),
    ],
)  # fmt: skip
def test_broken_files_are_named_with_the_line(root, text, line, message):
    with pytest.raises(ValueError, match=rf"000005\.xml, line {line}: .*{message}"):
        annotated(root, text)


def test_sizes_that_differ(root):
    with pytest.raises(ValueError, match=r"000005\.jpg must be 8 x 11 pixels .* got 8 x 10"):
        annotated(root, changed("<width>10<", "<width>11<"))


@pytest.mark.parametrize("line", ["/a/b", "..", "a/../b", "../a 1", "000007", "C:x", "a//b"])
def test_broken_lists_are_named_with_the_line(root, line):
    (devkit(root) / "ImageSets/Main/trainval.txt").write_text(f"000007\n\n{line}\n")
    with pytest.raises(ValueError, match=r"trainval\.txt, line 3: must have the name of one image"):
        VocFolder(root)


def test_missing_files(root):
    folder = devkit(root)
    with pytest.raises(FileNotFoundError, match=r"root must contain VOC2012 .* got "):
        VocFolder(root, "2012")
    with pytest.raises(FileNotFoundError, match=r"\(dog_train, trainval\), got 'test'"):
        VocFolder(root, image_set="test")
    (folder / "JPEGImages" / "000005.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"JPEGImages must have .* 1 of 2 .*: 000005\.jpg"):
        VocFolder(root)
    (folder / "Annotations").rename(folder / "Annotation")
    with pytest.raises(FileNotFoundError, match=r"must have a folder Annotations|1 of 2"):
        VocFolder(root)


def test_broken_images_and_masks_are_named(root):
    folder = devkit(root)
    (folder / "JPEGImages" / "000007.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match=r"000007\.jpg must be a picture"):
        VocFolder(root)[0]
    masks = VocFolder(root, image_set="val", kind="segmentation")
    classes, objects = (
        folder / f"Segmentation{kind}" / "000005.png" for kind in ("Class", "Object")
    )
    for path, indices, message in (
        (
            classes,
            CLASS_MAP + (CLASS_MAP == 12) * np.uint8(10),
            "have classes from 1 to 20, got 22",
        ),
        (classes, CLASS_MAP * (CLASS_MAP != 12), "have a class for object 1 of 000005.png in Segm"),
        (classes, CLASS_MAP[:4], "have the size of its image, 8 x 10, got 4 x 10"),
    ):
        indexed(path, indices)
        with pytest.raises(ValueError, match=rf"000005\.png must {message}"):
            masks[0]
    Image.new("RGB", (10, 8)).save(objects)
    with pytest.raises(ValueError, match=r"SegmentationObject/000005\.png must have a palette"):
        masks[0]


def test_arguments(root):
    with pytest.raises(ValueError, match="kind must be 'boxes' or 'segmentation', got 'masks'"):
        VocFolder(root, kind="masks")
    with pytest.raises(TypeError, match="keep_difficult must be a bool, got 1"):
        VocFolder(root, keep_difficult=1)

"""VOC's layout as other tools fill it: names, kinds of pictures, flags, and pixels from 0."""

import pickle
import warnings

import pytest
from PIL import Image

from edudet.data.voc import VocFolder
from edudet.data.voc_rooms import Room, find_picture, with_extension


@pytest.fixture
def root(tmp_path):
    for room in ("ImageSets/Main", "JPEGImages", "Annotations"):
        (tmp_path / "VOC2007" / room).mkdir(parents=True)
    return tmp_path


def write(root, name, picture, corners=(6, 7, 25, 16), flags="", filename="", line=None):
    """An image with one object, added to the list."""
    folder = root / "VOC2007"
    for room, file in (("JPEGImages", picture), ("Annotations", f"{name}.xml")):
        (folder / room / file).parent.mkdir(parents=True, exist_ok=True)
    if picture:
        Image.new("RGB", (60, 40)).save(folder / "JPEGImages" / picture)
    box = "".join(
        f"<{corner}>{value}</{corner}>"
        for corner, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    )
    (folder / "Annotations" / f"{name}.xml").write_text(
        f"<annotation>\n<filename>{filename}</filename>"
        "<size><width>60</width><height>40</height></size>\n<object><name>screw</name>"
        f"{flags}\n<bndbox>{box}</bndbox></object></annotation>"
    )
    with open(folder / "ImageSets/Main/trainval.txt", "a") as file:
        file.write(f"{name if line is None else line}\n")


def opened(root, **options):
    return VocFolder(root, categories=("screw",), **options)


def boxes(root, **options):
    return opened(root, **options)[0][1]["boxes"].tolist()


@pytest.mark.parametrize(
    ("name", "picture"),
    [
        ("a", "a.jpg"), ("a", "a.JPG"), ("a", "a.jpeg"), ("a", "a.png"), ("a", "a.PNG"),
        ("a", "a.bmp"), ("a", "a.tif"), ("a", "a.webp"), ("a", "a.Gif"),
        ("my image", "my image.jpg"), ("two  spaces", "two  spaces.png"),
        ("ends in 1", "ends in 1.jpg"), ("ends in -1", "ends in -1.png"), ("sub/e", "sub/e.jpg"),
        ("sub/my image", "sub/my image.png"), ("a.b.c", "a.b.c.png"), ("1.5", "1.5.jpg"),
        ("dé pôt", "dé pôt.png"), ("a&amp", "a&amp.png"),
    ],
)  # fmt: skip
def test_pictures_of_any_kind_and_name(root, name, picture):
    write(root, name, picture)
    dataset = opened(root)
    assert dataset.names == [name] and dataset.pictures[0].name == picture.split("/")[-1]
    image, target = dataset[0]
    assert image.shape == (3, 40, 60) and target["boxes"].tolist() == [[5, 6, 25, 16]]


def test_a_list_of_one_class_with_spaces_and_folders(root):
    names = ["my image", "sub/e", "ends in 1", "000005"]
    for name, flag in zip(names, (" 1", "  -1", "\t0", " 1"), strict=True):
        write(root, name, f"{name}.png", line=name + flag)
    assert opened(root).names == names


def test_backslashes_of_windows(root):
    write(root, "sub/e", "sub/e.jpg", line="sub\\e")
    assert opened(root).names == ["sub/e"] and boxes(root) == [[5, 6, 25, 16]]


def test_an_xml_file_in_capitals(root):
    write(root, "a", "a.jpg")
    folder = root / "VOC2007" / "Annotations"
    (folder / "a.xml").rename(folder / "a.XML")
    assert boxes(root) == [[5, 6, 25, 16]]


@pytest.mark.parametrize(
    ("filename", "picture"),
    [
        ("photo.png", "photo.png"), ("photo 1.JPG", "photo 1.JPG"),
        ("sub/photo.png", "sub/photo.png"), ("sub\\photo.png", "sub/photo.png"),
        ("/home/someone/photo.png", "photo.png"),
        ("C:\\Users\\someone\\photo.png", "photo.png"),
    ],
)  # fmt: skip
def test_the_file_name_in_the_xml_file_is_used(root, filename, picture):
    write(root, "label_5", picture, filename=filename)
    dataset = opened(root)
    assert dataset.names == ["label_5"] and boxes(root) == [[5, 6, 25, 16]]
    assert dataset.pictures == [root / "VOC2007" / "JPEGImages" / picture]


def test_the_file_name_decides_between_two_of_a_name(root):
    write(root, "a", "a.png", filename="a.png")
    (root / "VOC2007" / "JPEGImages" / "a.jpg").write_bytes(b"no picture")
    assert boxes(root) == [[5, 6, 25, 16]]
    (root / "VOC2007" / "JPEGImages" / "a.txt").write_text("a label beside the picture")
    assert opened(root).pictures[0].name == "a.png"
    write(root, "b", "b.png", filename="other.png")   # VOC's own kind, if the file does not tell
    Image.new("RGB", (60, 40)).save(root / "VOC2007" / "JPEGImages" / "b.jpg")
    assert opened(root).pictures[1].name == "b.jpg"


def test_a_name_counts_more_than_a_stale_file_name(root):
    write(root, "a", "a.png", filename="b.png")
    write(root, "b", "b.png", filename="b.png")
    assert [path.name for path in opened(root).pictures] == ["a.png", "b.png"]


@pytest.mark.parametrize("filename", ["../secret.png", "/{0}/secret.png", "a.txt", "", "none.png"])
def test_a_file_name_does_not_lead_out_of_the_folder(root, filename):
    Image.new("RGB", (60, 40)).save(root / "VOC2007" / "secret.png")
    write(root, "a", "a.png", filename=filename.format(root / "VOC2007"))
    (root / "VOC2007" / "JPEGImages" / "a.png").rename(root / "VOC2007" / "JPEGImages" / "a.txt")
    with pytest.raises(FileNotFoundError, match=r"1 of 1 are missing, the first: a\.jpg \(or \.p"):
        opened(root)


def test_files_that_are_missing(root):
    write(root, "sub/a", "sub/a.png")
    with open(root / "VOC2007/ImageSets/Main/trainval.txt", "a") as file:
        file.write("not here/x\n")
    with pytest.raises(FileNotFoundError, match=r"Annotations must .* 1 of 2 .*: not here/x\.xml"):
        opened(root)


def test_a_folder_without_a_year(root):
    """datumaro's exports begin with ImageSets."""
    write(root, "a", "a.png")
    (root / "VOC2007").rename(root / "export")
    assert boxes(root / "export") == [[5, 6, 25, 16]]
    with pytest.raises(FileNotFoundError, match="root must contain VOC2007"):
        opened(root)


YES = ("1", "1.0", "true", "True", " TRUE ", "yes")
NO = ("0", "0.0", "false", "False", "no", "")


@pytest.mark.parametrize("flag", ["difficult", "truncated", "occluded"])
@pytest.mark.parametrize(("texts", "expected"), [(YES, True), (NO, False)])
def test_flags_of_other_tools(root, flag, texts, expected):
    for i, text in enumerate(texts):
        write(root, str(i), f"{i}.jpg", flags=f"<{flag}>{text}</{flag}>")
    dataset = opened(root)
    for i in range(len(texts)):
        target = dataset[i][1]
        assert target[flag].tolist() == [expected], texts[i]
        others = {"difficult", "truncated", "occluded"} - {flag}
        assert not any(target[other].any() for other in others)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.06", True), ("2", True), ("Unspecified", False), ("-1", False), ("nan", False),
     ("partly", False), ("N/A", False)],
)  # fmt: skip
def test_a_flag_that_decides_nothing_stops_no_file(root, text, expected):
    write(root, "a", "a.jpg", flags="".join(
        f"<{flag}>{text}</{flag}>" for flag in ("truncated", "occluded")
    ))  # fmt: skip
    target = opened(root)[0][1]
    assert target["truncated"].tolist() == target["occluded"].tolist() == [expected]
    write(root, "b", "b.jpg", flags=f"\n<difficult>{text}</difficult>")
    message = rf"b\.xml, line 4: difficult must be 0 or 1, got '{text}'"
    with pytest.raises(ValueError, match=message):
        opened(root)[1]


def test_difficult_objects_are_left_out_in_any_words(root):
    for i, text in enumerate((*YES, *NO)):
        write(root, str(i), f"{i}.jpg", flags=f"<difficult>{text}</difficult>")
    dataset = opened(root, keep_difficult=False)
    kept = [len(dataset[i][1]["boxes"]) for i in range(len(dataset))]
    assert kept == [0] * len(YES) + [1] * len(NO)


def test_corners_counted_from_0(root):
    write(root, "a", "a.jpg", corners=(5, 6, 25, 16))
    write(root, "b", "b.jpg", corners=(0, 0, 60, 40))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset = opened(root, one_based=False)
        assert dataset[0][1]["boxes"].tolist() == [[5, 6, 25, 16]]
        assert dataset[1][1]["boxes"].tolist() == [[0, 0, 60, 40]]
        assert opened(root)[0][1]["boxes"].tolist() == [[4, 5, 25, 16]]  # nothing tells
    write(root, "c", "c.jpg", corners=(5, 6, 5, 16))
    with pytest.raises(ValueError, match=r"c\.xml, line 4: bndbox must lie .* are not counted"):
        opened(root, one_based=False)[2]
    assert opened(root)[2][1]["boxes"].tolist() == [[4, 5, 5, 16]]
    with pytest.raises(TypeError, match="one_based must be a bool, got 0"):
        opened(root, one_based=0)


@pytest.mark.parametrize("corners", [(0, 7, 25, 16), (6, 0, 25, 16), (0, 0, 9, 9), (0.5, 7, 9, 9)])
def test_a_box_that_begins_at_0_is_told_once(root, corners):
    write(root, "a", "a.jpg", corners=(1, 1, 25, 16))
    write(root, "b", "b.jpg", corners=corners)
    write(root, "c", "c.jpg", corners=corners)
    dataset = opened(root)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for i in (0, 1, 2, 1):
            dataset[i]
    (one,) = told
    assert "b.xml, line 4: bndbox begins at " in str(one.message)
    assert "one_based=False" in str(one.message) and "--zero-based" in str(one.message)


@pytest.mark.parametrize("categories", ["screw", ("a", "a"), ("a", ""), ("a", 3)])
def test_categories_are_names(root, categories):
    write(root, "a", "a.jpg")
    with pytest.raises(ValueError, match="categories must be names, each of its own, got "):
        VocFolder(root, categories=categories)


def test_a_folder_can_be_sent_to_workers(root):
    write(root, "a", "a.png")
    assert pickle.loads(pickle.dumps(opened(root)))[0][1]["boxes"].tolist() == [[5, 6, 25, 16]]


def test_rooms(tmp_path):
    for name in ("a.png", "a.JPG", "b.xml", "sub"):
        (tmp_path / name).mkdir() if name == "sub" else (tmp_path / name).touch()
    room = Room(tmp_path, with_extension(".jpg"))
    assert room.find("a") == [tmp_path / "a.JPG"] and room.find("b") == room.find("no/a") == []
    assert find_picture(room, "a", None) == tmp_path / "a.JPG"
    assert find_picture(room, "b", None) is None

import io
import os
import struct
import sys
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from edudet.data.images import read_image, read_indices, write_image

RGB = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3) * 14  # 2 high, 3 wide


def saved(path, image, **more):
    image.save(path, **more)
    return path


def as_bytes(image):
    """(3, H, W) in [0, 1] -> (H, W, 3) uint8."""
    return (image * 255).round().to(torch.uint8).movedim(0, -1).numpy()


def test_colours(tmp_path):
    image = read_image(saved(tmp_path / "a.png", Image.fromarray(RGB)))
    assert image.dtype == torch.float32 and image.is_contiguous()
    assert torch.equal(image, torch.from_numpy(RGB).movedim(-1, 0).float() / 255)


def test_grey_becomes_three_equal_colours(tmp_path):
    image = read_image(saved(tmp_path / "a.png", Image.fromarray(RGB[:, :, 0])))
    assert np.array_equal(as_bytes(image), np.repeat(RGB[:, :, :1], 3, axis=2))


def test_black_and_white(tmp_path):
    bits = Image.fromarray(np.array([[True, False, True]]))
    assert bits.mode == "1"
    assert read_image(saved(tmp_path / "a.png", bits))[:, 0].tolist() == [[1, 0, 1]] * 3


def test_sixteen_bits_of_grey(tmp_path):
    grey = Image.fromarray(np.array([[0, 32768, 65535]], dtype=np.uint16))
    image = read_image(saved(tmp_path / "a.png", grey))
    torch.testing.assert_close(image[:, 0], torch.tensor([[0, 32768 / 65535, 1]] * 3))


def test_transparency_is_dropped(tmp_path):
    alpha = np.full((2, 3, 1), 7, dtype=np.uint8)
    rgba = Image.fromarray(np.concatenate([RGB, alpha], axis=2))
    assert np.array_equal(as_bytes(read_image(saved(tmp_path / "a.png", rgba))), RGB)


@pytest.mark.parametrize("transparency", [None, 1])
def test_a_palette(tmp_path, transparency):
    image = Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8), mode="P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    more = {} if transparency is None else {"transparency": transparency}
    path = saved(tmp_path / "a.png", image, **more)
    assert as_bytes(read_image(path))[0].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    assert read_indices(path).tolist() == [[0, 1, 2]]


def test_cmyk(tmp_path):
    cyan = Image.new("CMYK", (16, 8), (255, 0, 0, 0))
    image = read_image(saved(tmp_path / "a.jpg", cyan, quality=100))
    assert image.shape == (3, 8, 16)
    assert image.mean((1, 2)).tolist() == pytest.approx([0, 1, 1], abs=0.02)


# What a viewer does with a picture whose EXIF note is this number.
TURNS = {
    1: lambda p: p, 2: lambda p: p[:, ::-1], 3: lambda p: p[::-1, ::-1], 4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2), 6: lambda p: np.rot90(p, -1),
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2), 8: lambda p: np.rot90(p, 1),
}  # fmt: skip


def noted(path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(path, Image.fromarray(RGB), exif=exif)


@pytest.mark.parametrize("orientation", list(TURNS))
def test_a_photo_is_turned_as_its_note_says(tmp_path, orientation):
    image = as_bytes(read_image(noted(tmp_path / "a.png", orientation)))
    assert np.array_equal(image, TURNS[orientation](RGB))


def test_annotations_of_the_picture_as_it_is_stored(tmp_path):
    path = noted(tmp_path / "a.png", 6)
    assert np.array_equal(as_bytes(read_image(path, (2, 3))), RGB)
    assert np.array_equal(as_bytes(read_image(path, (3, 2))), TURNS[6](RGB))
    with pytest.raises(ValueError, match=r"a\.png must be 4 x 4 pixels .* got 3 x 2"):
        read_image(path, (4, 4))


def test_written_and_read(tmp_path):
    image = torch.rand(3, 5, 7, generator=torch.Generator().manual_seed(0))
    write_image(tmp_path / "a.png", image)
    read = read_image(tmp_path / "a.png")
    assert (read - image).abs().max() <= 0.5 / 255 + 1e-6
    write_image(tmp_path / "b.png", read)
    assert torch.equal(read_image(tmp_path / "b.png"), read)
    assert sorted(os.listdir(tmp_path)) == ["a.png", "b.png"]


def png_of_size(width, height):
    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def broken_files():
    whole = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(
        whole, "JPEG"
    )
    return {
        "empty": b"", "text": b"no picture", "torn": whole.getvalue()[:900],
        "bomb": png_of_size(60_000, 60_000),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["empty", "text", "torn", "bomb"])
def test_broken_files_are_named(tmp_path, kind):
    path = tmp_path / f"{kind}.jpg"
    path.write_bytes(broken_files()[kind])
    with pytest.raises(ValueError, match=rf"read_image: \S*{kind}\.jpg must be a picture, got: "):
        read_image(path)


def test_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.png must be a picture, got no such file"):
        read_image(tmp_path / "none.png")
    colours = saved(tmp_path / "a.png", Image.fromarray(RGB))
    with pytest.raises(ValueError, match=r"a\.png must have a palette .* got the mode RGB"):
        read_indices(colours)
    floats = saved(tmp_path / "a.tif", Image.fromarray(np.ones((2, 2), np.float32)))
    with pytest.raises(ValueError, match=r"a\.tif must have whole numbers"):
        read_image(floats)
    for image, message in (
        (torch.zeros(1, 2, 2), r"shape \(3, H, W\), got \(1, 2, 2\)"),
        (torch.full((3, 2, 2), 2.0), r"lie in \[0, 1\], got 2 to 2"),
        (torch.full((3, 2, 2), torch.nan), r"lie in \[0, 1\]"),
        (torch.zeros(3, 2, 2).int(), "dtype"),
    ):
        with pytest.raises(ValueError, match=f"write_image: image must (have )?{message}"):
            write_image(tmp_path / "c.png", image)
    assert not (tmp_path / "c.png").exists()


def test_without_pillow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    for call in (lambda: read_image("a.png"), lambda: write_image("a.png", torch.zeros(3, 1, 1))):
        with pytest.raises(RuntimeError, match=r"with Pillow; run `pip install 'edudet\[demo\]'`"):
            call()

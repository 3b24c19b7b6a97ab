"""Files are replaced whole."""

import os

import pytest

from edudet.data.files import write_atomically


def test_a_file_is_replaced(tmp_path):
    path = tmp_path / "a.txt"
    for content in (b"old", b"new, and longer"):
        write_atomically(path, lambda file, content=content: file.write(content))
        assert path.read_bytes() == content and os.listdir(tmp_path) == ["a.txt"]


def test_a_failure_while_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")

    def half(file):
        file.write(b"half of")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        write_atomically(path, half)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["a.txt"]


def test_what_the_disk_has_not_taken_does_not_count(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")

    def full(_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, lambda file: file.write(b"new"))
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["a.txt"]

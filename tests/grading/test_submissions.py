import zipfile

import pytest

from edudet.grading.submissions import BadSubmissions, Submission, digest, find, read


def test_finds_folders_and_zips(tmp_path):
    (tmp_path / "bob").mkdir()
    with zipfile.ZipFile(tmp_path / "alice.zip", "w") as archive:
        archive.writestr("nms.py", "x = 1")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "notes.txt").touch()
    assert [one.name for one in find(tmp_path)] == ["alice", "bob"]


def test_a_folder_with_sources_is_one_submission(tmp_path):
    (tmp_path / "nms.py").write_text("x = 1")
    (one,) = find(tmp_path)
    assert one.name == tmp_path.name
    assert read(one, ["nms.py"])["nms.py"].text == "x = 1"


def test_a_zip_is_one_submission(tmp_path):
    with zipfile.ZipFile(tmp_path / "alice.zip", "w") as archive:
        archive.writestr("solution/nms.py", "x = 1")
    (one,) = find(tmp_path / "alice.zip")
    assert one.name == "alice" and read(one, ["nms.py"])["nms.py"].text == "x = 1"


def test_bad_folders(tmp_path):
    with pytest.raises(BadSubmissions, match="must exist"):
        find(tmp_path / "none")
    with pytest.raises(BadSubmissions, match="holds no folders and no zip"):
        find(tmp_path)
    (tmp_path / "bob").mkdir()
    zipfile.ZipFile(tmp_path / "bob.zip", "w").close()
    with pytest.raises(BadSubmissions, match="twice, as folder and as zip: bob"):
        find(tmp_path)


def test_missing_and_foreign_files(tmp_path):
    (tmp_path / "box_iou.py").write_text("x = 1")
    (tmp_path / "other.py").write_text("x = 1")
    sources = read(Submission("a", tmp_path), ["nms.py", "box_iou.py"])
    assert set(sources) == {"nms.py", "box_iou.py"}
    assert sources["nms.py"].text is None and "no file nms.py" in sources["nms.py"].problem


def test_the_flattest_file_wins(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("old/nms.py", "old")
        archive.writestr("nms.py", "new")
        archive.writestr("a/b/c/box_iou.py", "too deep")
    sources = read(Submission("a", tmp_path / "a.zip"), ["nms.py", "box_iou.py"])
    assert sources["nms.py"].text == "new" and sources["box_iou.py"].text is None


def test_an_encrypted_or_broken_zip_is_a_problem_not_an_error(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("nms.py", "x = 1")
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[6] |= 1  # says: encrypted
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    source = read(Submission("a", tmp_path / "a.zip"), ["nms.py"])["nms.py"]
    assert source.text is None and "could not be read" in source.problem
    for cut in range(0, len(data), 7):
        (tmp_path / "a.zip").write_bytes(data[:cut])
        assert read(Submission("a", tmp_path / "a.zip"), ["nms.py"])["nms.py"].text is None


def test_digest_follows_the_graded_files_alone(tmp_path):
    one = Submission("a", tmp_path)
    (tmp_path / "nms.py").write_text("x = 1")
    before = digest(read(one, ["nms.py"]))
    (tmp_path / "notes.py").write_text("x")
    assert digest(read(one, ["nms.py"])) == before
    (tmp_path / "nms.py").write_text("x = 2")
    assert digest(read(one, ["nms.py"])) != before

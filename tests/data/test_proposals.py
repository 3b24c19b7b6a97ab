"""Proposals found once: in memory, on disk, for the right image and the right options."""

import multiprocessing
from collections import namedtuple

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from edudet.data import Scenes
from edudet.data.augment import Augmented, RandomFlip
from edudet.data.collate import collate
from edudet.data.proposals import SelectiveSearch, WithProposals
from edudet.data.shards import Shards, digest
from edudet.metrics import proposal_recall
from edudet.proposals import selective_search


class Images(Dataset):
    categories = ("thing",)

    def __init__(self, shade=0.0, length=3):
        self.shade, self.length = shade, length

    def __len__(self):
        return self.length

    def __getitem__(self, i):
        if not 0 <= i < self.length:
            raise IndexError(i)
        target = {"boxes": torch.tensor([[1.0, 2, 3, 4]]), "labels": torch.tensor([1])}
        return torch.full((3, 8, 8), self.shade + i / 10), target


class Counted:
    """Proposes one box that tells the image's shade, and counts how often it is asked."""

    def __init__(self, name="a"):
        self.name, self.calls = name, 0

    def __repr__(self):
        return self.name

    def __call__(self, image):
        self.calls += 1
        return torch.tensor([[0.0, 0, 1, 1 + image[0, 0, 0].item()]])


def test_each_image_once_in_memory():
    propose = Counted()
    dataset = WithProposals(Images(), propose=propose)
    first = [dataset[i][1]["proposals"] for i in range(3)]
    first[0].add_(100)  # whoever changes a target changes nothing here
    again = [dataset[i][1]["proposals"] for i in range(3)]
    assert propose.calls == 3 and len(dataset) == 3 and dataset.categories == ("thing",)
    assert [one[0, 3].item() for one in again] == pytest.approx([1, 1.1, 1.2])
    assert len(list(dataset)) == 3  # IndexError ends the loop


def test_each_image_once_on_disk(tmp_path):
    for calls, shade, name in ((3, 0.0, "a"), (0, 0.0, "a"), (3, 0.5, "a"), (3, 0.0, "b")):
        propose = Counted(name)
        dataset = WithProposals(Images(shade), tmp_path, propose)
        found = [one["proposals"][0, 3].item() for _, one in dataset]
        assert found == pytest.approx([1 + shade, 1.1 + shade, 1.2 + shade])
        assert propose.calls == calls
    assert len(list(tmp_path.iterdir())) == 9


def test_worker_processes_share_the_folder(tmp_path):
    dataset = WithProposals(Images(length=6), tmp_path, Counted())
    loader = DataLoader(
        dataset, 2, num_workers=2, collate_fn=collate,
        multiprocessing_context=multiprocessing.get_context("fork"),
    )  # fmt: skip
    found = [one["proposals"][0, 3].item() for _, targets in loader for one in targets]
    assert found == pytest.approx([1 + i / 10 for i in range(6)])
    assert len(list(tmp_path.iterdir())) == 6


def test_proposals_move_with_the_image():
    dataset = Augmented(WithProposals(Images(), propose=Counted()), RandomFlip(probability=1.0))
    _, target = dataset[1]
    assert target["proposals"][0].tolist() == pytest.approx([7, 0, 8, 1.1])


def test_what_is_not_to_be_kept():
    with pytest.raises(TypeError, match="WithProposals: i must be an int"):
        WithProposals(Augmented(Images(), RandomFlip()))[0, 1]
    with pytest.raises(ValueError, match=r"propose must return boxes \(P, 4\), got \(3,\)"):
        WithProposals(Images(), propose=lambda image: torch.zeros(3))[0]


def test_search_is_selective_search():
    image, _ = Scenes("default", length=1)[0]
    pixels = (image * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous()
    assert torch.equal(
        SelectiveSearch.of("single")(image), selective_search(pixels, "single").boxes
    )
    assert len(SelectiveSearch(most=7)(image)) == 7
    assert repr(SelectiveSearch(most=7)) != repr(SelectiveSearch(most=8))


def test_recall_on_generated_scenes():
    dataset = WithProposals(Scenes("default", "test", length=25))
    pairs = [(target["proposals"], target["boxes"]) for _, target in dataset]
    proposals, objects = zip(*pairs, strict=True)
    assert max(len(one) for one in proposals) <= 200
    assert proposal_recall(objects, proposals, [200], 0.5) >= 0.97
    assert proposal_recall(objects, proposals, [200], 0.7) >= 0.9


# The files


def test_a_name_tells_everything_apart():
    a = torch.arange(6.0)
    names = [
        digest(a), digest(a.reshape(2, 3)), digest(a.double()), digest(a + 1), digest("a", a),
        digest(a, a), digest("ab"), digest("a", "b"), digest(a.half()), digest(),
        digest(torch.tensor(True)), digest(torch.zeros(0, 4)),
    ]  # fmt: skip
    assert len({*names}) == len(names) and digest(a.clone()) == names[0]


def test_written_and_read(tmp_path):
    shards = Shards(tmp_path / "new" / "folder")
    tensors = {"a": torch.rand(3, 4).half(), "b": torch.tensor([1, 2]), "c": torch.zeros(0, 4)}
    assert "x" not in shards
    assert shards.write("x", **tensors) == shards.path("x").stat().st_size
    read = shards.read("x")
    assert "x" in shards and read.keys() == tensors.keys()
    assert all(torch.equal(read[key], tensors[key]) for key in tensors)
    assert all(read[key].dtype == tensors[key].dtype for key in tensors)


@pytest.mark.parametrize("damage", [lambda b: b[:40], lambda b: b"", lambda b: b"x" * 100])
def test_a_damaged_file_is_named(tmp_path, damage):
    shards = Shards(tmp_path)
    shards.write("x", a=torch.rand(30))
    shards.path("x").write_bytes(damage(shards.path("x").read_bytes()))
    with pytest.raises(ValueError, match=r"Shards.read: .*x\.npz must be a file that edudet wrote"):
        shards.read("x")


def test_objects_are_not_loaded(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match=r"Shards.read: .*x\.npz"):
        Shards(tmp_path).read("x")


def test_a_full_disk(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10**9, 0, 2**20 + 500))
    with pytest.raises(RuntimeError, match=r"must have room for 0\.0 MB more, got 1\.0 MB free"):
        Shards(tmp_path).write("x", a=torch.rand(1000))
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="Shards: folder must be a folder, got the file"):
        Shards(tmp_path / "file")

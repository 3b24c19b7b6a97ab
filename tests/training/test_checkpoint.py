import io
import pickle
import zipfile

import pytest
import torch
from torch import nn
from training.tiny import Tiny, digest, new_tiny

from edudet.training import checkpoint

RUN = dict.fromkeys(checkpoint.CONTENTS, 1)


@pytest.fixture
def path(tmp_path):
    """A checkpoint with something in it."""
    found = tmp_path / "checkpoint.pt"
    checkpoint.save(found, {**RUN, "model": {"weight": torch.arange(5000.0)}})
    return found


def test_what_is_saved_is_loaded(path):
    contents = checkpoint.load(path)
    assert torch.equal(contents["model"]["weight"], torch.arange(5000.0))
    assert [p.name for p in path.parent.iterdir()] == ["checkpoint.pt"]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9, 0.999])
def test_a_torn_file_is_named(path, share):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match="load: path must be a whole file that edudet wrote, got"
                       rf" {path}: "):  # fmt: skip
        checkpoint.load(path)


def test_a_changed_number_is_found(path):
    whole = bytearray(path.read_bytes())
    place = whole.index(torch.tensor([2500.0, 2501.0]).numpy().tobytes())
    whole[place] ^= 1
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=rf"{path}: .* has another check sum"):
        checkpoint.load(path)


class Evil:
    def __reduce__(self):
        return exec, ("raise SystemExit('code from the file was run')",)


def foreign(what):
    """Files that are no checkpoints."""
    file = io.BytesIO()
    if what == "text":
        return b"step,loss\n0,1.5\n"
    if what == "zip":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("notes.txt", "nothing")
    elif what == "pickle":
        return pickle.dumps({"format": checkpoint.RUN})
    elif what == "code":
        torch.save({"format": checkpoint.RUN, "step": Evil()}, file)
    elif what == "module":
        torch.save(nn.Linear(1, 1), file)
    elif what == "list":
        torch.save([1, 2], file)
    elif what == "weights":
        torch.save(nn.Linear(1, 1).state_dict(), file)
    else:
        torch.save({"format": checkpoint.RUN, "step": 3}, file)
    return file.getvalue()


@pytest.mark.parametrize(
    "what", ["text", "zip", "pickle", "code", "module", "list", "weights", "incomplete"]
)
def test_a_foreign_file_is_named(path, what):
    path.write_bytes(foreign(what))
    with pytest.raises(ValueError, match=str(path)):
        checkpoint.load(path)


def test_what_is_wrong_with_a_foreign_file(path):
    path.write_bytes(foreign("incomplete"))
    with pytest.raises(ValueError, match="lacks arguments, average, machine, model"):
        checkpoint.load(path)
    path.write_bytes(foreign("weights"))
    with pytest.raises(ValueError, match=r"must hold 'edudet run 1', got .* with None"):
        checkpoint.load(path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        checkpoint.load(path.parent / "nowhere.pt")


def test_compare_names_what_differs(path):
    before = {"seed": 1, "batch_size": 4, "level": "easy"}
    checkpoint.compare(path, before, dict(before))
    with pytest.raises(ValueError) as error:
        checkpoint.compare(path, before, {"seed": 2, "batch_size": 4, "amp": True})
    text = str(error.value)
    assert "seed was 1, is 2" in text and "level was 'easy', is None" in text
    assert "amp was None, is True" in text and "batch_size" not in text and str(path) in text


def test_weights_go_from_model_to_model(tmp_path):
    first, second = new_tiny(0), new_tiny(1)
    assert digest(first) != digest(second)
    checkpoint.save_weights(tmp_path / "model.pt", first, model="tiny", categories=["red", "blue"])
    facts = checkpoint.load_weights(tmp_path / "model.pt", second)
    for one, other in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert other.dtype == one.dtype
        assert torch.equal(other, one.half().to(one.dtype))
    assert facts["model"] == "tiny" and facts["categories"] == ["red", "blue"]


def test_weights_are_small(tmp_path):
    model = nn.Linear(1000, 10).double()
    part = nn.Linear(1000, 10, bias=False)
    part.weight = nn.Parameter(torch.zeros(10, 100_000)[:, :1000])  # a view of a large storage
    for one in (model, part):
        checkpoint.save_weights(tmp_path / "model.pt", one)
        assert (tmp_path / "model.pt").stat().st_size < 2 * 10_010 + 5_000


def test_numbers_beyond_16_bits_are_kept_as_they_are(tmp_path):
    first, second = nn.Linear(2, 1), nn.Linear(2, 1)
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[1e6, 1.0001]]))
    checkpoint.save_weights(tmp_path / "model.pt", first)
    checkpoint.load_weights(tmp_path / "model.pt", second)
    assert torch.equal(first.weight, second.weight)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Tiny(num_classes=5), r"head.bias in .*model.pt must have shape \(9,\), got \(7,\)"),
        (nn.Sequential(Tiny()), r"lacks 0\.body\.0\.bias"),
        (nn.Sequential(), r"has body\.0\.bias, too"),
    ],
)
def test_other_weights_are_named(tmp_path, model, message):
    checkpoint.save_weights(tmp_path / "model.pt", new_tiny())
    with pytest.raises(ValueError, match=message):
        checkpoint.load_weights(tmp_path / "model.pt", model)


def test_a_run_is_no_file_of_weights(path):
    with pytest.raises(ValueError, match="must hold 'edudet weights 1'"):
        checkpoint.load_weights(path, Tiny())

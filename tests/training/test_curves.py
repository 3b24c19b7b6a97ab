import builtins

import numpy as np
import pytest

from edudet.training import curves
from edudet.training.curves import Log, read, smooth


def lines(folder):
    return (folder / "losses.csv").read_text().splitlines()


@pytest.fixture
def folder(tmp_path):
    """Five steps."""
    log = Log(tmp_path, 0)
    for step in range(5):
        log.add(step, 0.5 * step, 0.1, {"loss_class": 1 / (step + 3), "loss_box": 2.0})
    log.flush()
    log.file.close()
    return tmp_path


def test_a_line_for_each_step(folder):
    assert lines(folder)[0] == "step,seconds,learning_rate,loss,loss_class,loss_box"
    assert lines(folder)[2] == "1,0.500,0.1,2.25,0.25,2.0"
    assert read(folder / "losses.csv")["loss_class"] == [1 / 3, 1 / 4, 1 / 5, 1 / 6, 1 / 7]


def test_resumed_it_is_cut_back(folder):
    before = lines(folder)
    with (folder / "losses.csv").open("a") as file:
        file.write("5,2.5,0.1,2.1")  # half a line
    log = Log(folder, 3)
    assert log.history["step"] == [0, 1, 2]
    log.add(3, 1.5, 0.1, {"loss_class": 9.0, "loss_box": 2.0})
    log.flush()
    assert lines(folder) == [*before[:4], "3,1.500,0.1,11.0,9.0,2.0"]


def test_begun_anew_nothing_is_left(folder):
    log = Log(folder, 0)
    assert log.history == {} and lines(folder) == []


def test_a_file_that_lacks_steps(folder):
    with pytest.raises(ValueError, match=r"losses\.csv must have a line for each of 6 steps"):
        Log(folder, 6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "must be a losses.csv"),
        ("step,seconds,learning_rate,loss,a\n0,0,1,x,3\n", "must hold a number in every field"),
        ("step,seconds,learning_rate,loss,a\n0,0,1\n", "must hold a number in every field"),
    ],
)
def test_a_broken_file(tmp_path, text, message):
    (tmp_path / "losses.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "losses.csv")


def test_other_losses_than_before(folder):
    log = Log(folder, 5)
    with pytest.raises(ValueError, match=r"the same losses at every step, got loss_mask at step 5"):
        log.add(5, 0.0, 0.1, {"loss_mask": 1.0})


def test_smooth_by_hand():
    assert smooth(np.array([3.0, 5.0, 1.0, 7.0]), 2).tolist() == [3, 4, 3, 4]


def test_curves_are_drawn(folder):
    plt = pytest.importorskip("matplotlib.image", reason="matplotlib is not installed")
    assert curves.draw(read(folder / "losses.csv"), folder / "losses.png")
    picture = plt.imread(folder / "losses.png")
    assert picture.shape[:2] == (450, 800)
    colours = {
        tuple((row * 255).round().astype(int)) for row in picture[::2, ::2, :3].reshape(-1, 3)
    }
    assert {(0, 114, 178), (213, 94, 0), (0, 0, 0)} <= colours  # two losses and their sum


def test_without_matplotlib_nothing_is_drawn(folder, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert not curves.draw(read(folder / "losses.csv"), folder / "losses.png")
    assert not (folder / "losses.png").exists()

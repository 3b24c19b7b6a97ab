"""The speed ladder: its arithmetic by hand, its parts on tiny images."""

import csv
import itertools

import pytest
import torch
from click.testing import CliRunner

from edudet.cli import main
from edudet.data import Scenes
from edudet.data.proposals import SelectiveSearch
from edudet.models.small import rcnn_small
from edudet.proposals import window_count
from edudet.studies import rungs
from edudet.studies.ladder import ladder, measure_speed
from edudet.studies.ladder_report import DECKS, TITLES, Rung, report
from edudet.studies.rungs import STAGES
from edudet.training.checkpoint import save_weights

pytest.importorskip("skimage", reason="scikit-image, for photos behind the scenes, is missing")


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return rungs.open_rungs(tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="module")
def images():
    scenes = Scenes("default", "test", length=2, size=(48, 64))
    return [scenes[i][0] for i in range(2)]


def test_the_decks_numbers():
    # 640 x 480 at 1 ms a window: 23 679 052 800 rectangles, 274.06 days; 30 shapes: 2.56 h.
    assert DECKS["all"][0] / 86_400 == pytest.approx(274.06, abs=0.005)
    assert DECKS["shapes"][0] / 3600 == pytest.approx(2.56)
    assert DECKS["rcnn"][0] == 2 + 47 and DECKS["faster_rcnn"][0] == 0.2
    assert list(DECKS) == list(TITLES)


def test_extrapolation_by_hand():
    # 2000 windows took 1.5 + 0.5 s: 1 ms each. All rectangles of 640 x 480 are 274 days then.
    sample = {"proposals": 0.3, "features": 1.5, "heads": 0.5, "NMS": 9.0, "other": 0.1}
    every = window_count((480, 640))
    found = rungs.extrapolated(sample, 2000, every)
    assert sum(found.values()) == pytest.approx(23_679_052.8)
    assert found["features"] == pytest.approx(3 * found["heads"])
    assert found["proposals"] == found["NMS"] == found["other"] == 0
    assert sum(rungs.extrapolated(sample, 2000, 480 * 640 * 30).values()) == pytest.approx(9216)


def test_every_rectangle_has_the_same_chance():
    # An image of 2 x 1 pixels has 3 * 1 rectangles; 3 x 2 has 6 * 3.
    windows = rungs.sample_windows((1, 2), 3000)
    assert {tuple(w) for w in windows.tolist()} == {(0, 0, 1, 1), (1, 0, 2, 1), (0, 0, 2, 1)}
    _, counts = rungs.sample_windows((2, 3), 18_000).unique(dim=0, return_counts=True)
    assert len(counts) == window_count((2, 3)) == 18
    # Of 1000 expected each: 6 standard deviations of a binomial are 184.
    assert (counts - 1000).abs().max() < 184
    assert torch.equal(rungs.sample_windows(9, 5, 1), rungs.sample_windows((9, 9), 5, 1))


def test_the_middle_run_is_kept_whole():
    runs = [({"a": a, "b": b}, n) for a, b, n in ((5, 0, 1), (1, 1, 2), (0, 9, 3))]
    assert rungs.middle(runs) == ({"a": 5, "b": 0}, 1)  # 5 lies between 2 and 9


def test_the_mean_over_images():
    runs = [(dict.fromkeys(STAGES, 1.0), 10), (dict.fromkeys(STAGES, 2.0), 13)]
    assert rungs.mean(runs) == (dict.fromkeys(STAGES, 1.5), 11.5)


@pytest.mark.parametrize("name", list(rungs.MODELS))
def test_stages_add_up_to_the_whole(name, opened, images):
    ticks = itertools.count()  # every reading of this clock is a second later than the last
    model = opened[0][name]
    with rungs.proposing({name: model}, SelectiveSearch()):
        seconds, regions = rungs.time_once(model, images[0], clock=lambda: float(next(ticks)))
    assert sum(seconds.values()) == next(ticks) - 1 and regions > 0
    assert all(seconds[stage] > 0 for stage in STAGES)


def test_stages_are_those_of_the_paper(opened, images):
    """R-CNN warps and runs its network in "features"; of the others it is not called."""
    calls = []
    model = opened[0]["rcnn"]
    body = rungs.small_net(model)
    handle = body.register_forward_hook(lambda _, given, out: calls.append(len(given[0])))
    windows = rungs.sample_windows((48, 64), 7)
    try:
        seconds, regions = rungs.time_once(model, images[0], windows)
    finally:
        handle.remove()
    assert calls == [7] and regions == 7 and seconds["proposals"] == 0


def test_rungs_share_a_backbone(opened):
    models, trained = opened
    first, *others = [rungs.small_net(model).state_dict() for model in models.values()]
    assert trained == set() and len(others) == 3
    assert all(torch.equal(first[k], other[k]) for other in others for k in first)
    assert not any(model.training for model in models.values())


def test_speed_has_a_rung_for_each(opened, images):
    found = measure_speed(*opened, images, windows=5, repeats=1)
    assert [rung.name for rung in found] == list(TITLES)
    by_name = {rung.name: rung for rung in found}
    assert by_name["all"].regions == 48 * 49 // 2 * (64 * 65 // 2)
    assert by_name["shapes"].regions == 48 * 64 * 30 and by_name["shapes"].sampled == 10
    assert by_name["all"].total / by_name["shapes"].total == pytest.approx(
        by_name["all"].regions / by_name["shapes"].regions
    )
    assert by_name["rcnn"].regions == by_name["sppnet"].regions == by_name["fast_rcnn"].regions
    assert by_name["faster_rcnn"].regions <= 100
    assert opened[0]["fast_rcnn"].propose == SelectiveSearch()  # as before


def test_the_table_says_what_is_not_measured():
    seconds = dict(zip(STAGES, (0.002, 0.03, 0.004, 0.001, 0.0), strict=True))
    found = [
        Rung("all", 1e6, seconds, True, 200), Rung("rcnn", 100, seconds, True, 0, {"AP": 0.5}),
        Rung("faster_rcnn", 9, seconds, False),
    ]  # fmt: skip
    assert found[1].total == pytest.approx(0.037)
    text = report(found, {"images": 2, "size": 64, "scenes": 5}, 3)
    head, _, window, rcnn, faster, *notes = text.splitlines()[2:]
    assert "extrapolated: 200 windows" in "".join(notes) and "not measured" in window
    assert "30 ms" in rcnn and "37 ms" in rcnn and "0.500" in rcnn and "49 s = 2 + 47" in rcnn
    assert "not trained" in faster and "random weights: Faster R-CNN" in notes[-1]
    assert head.count("|") == window.count("|") == rcnn.count("|")


def test_the_command(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    model, out = rcnn_small(9), tmp_path / "out"
    model.box_branch.svms.trained.fill_(True)
    names = list(Scenes("default").categories)
    save_weights(tmp_path / "rcnn.pt", model, model="rcnn", categories=names)
    words = ["ladder", "--images", "1", "--size", "48", "--scenes", "2", "--out", str(out)]
    told = CliRunner().invoke(main, [*words, "--weights", str(tmp_path)])
    assert told.exit_code == 0, told.output
    assert sorted(p.name for p in out.iterdir()) == ["ladder.csv", "ladder.md", "ladder.png"]
    assert (out / "ladder.png").read_bytes()[:4] == b"\x89PNG"
    with (out / "ladder.csv").open(newline="") as file:
        rows = {row["rung"]: row for row in csv.DictReader(file)}
    assert list(rows) == list(TITLES.values())
    for row in rows.values():
        parts = sum(float(row[stage]) for stage in STAGES)
        assert parts == pytest.approx(float(row["seconds"])) and parts > 0
    assert rows["R-CNN"]["trained"] == "True" and float(rows["R-CNN"]["AP"]) == 0  # knows nothing
    assert rows["Faster R-CNN"]["trained"] == "False" and rows["Faster R-CNN"]["AP"] == ""


def test_mistakes(tmp_path):
    with pytest.raises(ValueError, match=r"weights must be a folder with some of rcnn\.pt"):
        ladder(tmp_path / "out", weights=tmp_path)
    with pytest.raises(ValueError, match="ladder: repeats must be"):
        ladder(tmp_path / "out", repeats=0)
    save_weights(tmp_path / "rcnn.pt", rcnn_small(9), model="rcnn", categories=["cat"] * 8)
    with pytest.raises(ValueError, match="must have categories"):
        rungs.open_rungs(tmp_path)
    (tmp_path / "rcnn.pt").rename(tmp_path / "sppnet.pt")
    with pytest.raises(ValueError, match=r"sppnet\.pt must hold"):
        rungs.open_rungs(tmp_path)
    assert not (tmp_path / "out").exists()

import html.parser
import re

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from edudet.cli import main
from edudet.demo.coins import load_coins
from edudet.demo.detector import Detector
from edudet.demo.figures import best_scores, curve
from edudet.demo.proposals import propose
from edudet.demo.run import run
from edudet.demo.task import coins_task, is_right


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    return run(out=folder), folder


def test_all_coins_are_found_and_nothing_else(outcome):
    found, _ = outcome
    kept = found.boxes[found.keep]
    scores = found.scores[found.keep]
    assert len(kept) == 12 and is_right(coins_task().truth, kept, scores).all()
    assert len(found.boxes) > 100, "suppression had nothing to do"


def test_learning_sees_nothing_of_the_right_half(monkeypatch):
    task = coins_task()
    image, left, right = load_coins()
    image[:, :, task.offset :] = 0
    monkeypatch.setattr("edudet.demo.task.load_coins", lambda: (image, left, right))
    weights = []
    for one in (task, coins_task()):
        detector = Detector(one.examples)
        detector.fit(one.learn, one.examples)
        weights.append(detector.weight)
    assert torch.equal(*weights)
    assert task.learn.shape[2] == task.offset and (task.examples[:, 0] < task.offset).all()
    assert (task.truth[:, 0] >= task.offset).all()


def test_curves_pass_through_the_result(outcome):
    found, _ = outcome
    scores, hits = curve(coins_task(), found)
    kept = int((scores > 0).sum())
    assert torch.equal(scores[:kept], found.scores[found.keep])
    assert hits[kept - 1] == kept == 12 and hits[-1] == 12 < len(scores)


def test_score_map_is_high_on_the_coins(outcome):
    found, _ = outcome
    task = coins_task()
    best = best_scores(task, found)
    assert best.shape == task.search.shape[1:]
    centres = ((found.boxes[:, :2] + found.boxes[:, 2:]) / 2 - torch.tensor([task.offset, 0])).int()
    x, y = centres[found.keep].T
    assert (best[y, x] > 0).all() and best[best.isfinite()].median() < -0.5


def test_selective_search_covers_the_coins_with_fewer_boxes(outcome):
    found, _ = outcome
    task = coins_task()
    windows, regions = propose(Detector(task.examples), task)
    assert torch.equal(windows.boxes.unique(dim=0), found.windows.unique(dim=0))
    few = len(found.windows) // 10
    assert len(regions.boxes) < few
    assert regions.recall(task.truth, [few]) == 1 > windows.recall(task.truth, [100])
    assert regions.boxes[:, 0].min() >= task.offset


class Reader(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.images, self.text = [], 0, ""

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            assert dict(attributes)["src"].startswith("data:image/png;base64,")
            assert dict(attributes)["alt"]
            self.images += 1
        elif tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_page_is_whole_and_fetches_nothing(outcome):
    _, folder = outcome
    page = (folder / "index.html").read_text()
    assert not re.search(r"https?://|<script|<link", page)
    reader = Reader()
    reader.feed(page)
    assert not reader.open and reader.images == 10
    for word in ("box_iou", "nms", "roi_align", "loop", "C++", "CUDA emulated", "39.4 days"):
        assert word in reader.text


def test_figures_show_something(outcome):
    _, folder = outcome
    figures = sorted(folder.glob("*.png"))
    assert len(figures) == 10
    for path in figures:
        pixels = np.asarray(Image.open(path).convert("L"))
        assert pixels.std() > 5 and min(pixels.shape) > 200, path.name
        border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        assert (border > 250).mean() > 0.95, f"{path.name} is clipped"


def test_own_photo(tmp_path):
    """Dark discs on a bright ground, one of them given: the others are found."""
    y, x = np.mgrid[:160, :240]
    photo = np.full((160, 240), 200.0) + np.random.default_rng(0).normal(0, 4, (160, 240))
    centres = [(40, 40), (120, 40), (200, 50), (60, 115), (160, 110)]
    for cx, cy in centres:
        photo[(x - cx) ** 2 + (y - cy) ** 2 < 20**2] -= 120
    path = tmp_path / "discs.png"
    Image.fromarray(photo.clip(0, 255).astype(np.uint8)).save(path)
    arguments = [
        "demo",
        "--image",
        str(path),
        "--like",
        "20,20,60,60",
        "--out",
        str(tmp_path / "o"),
    ]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "5 after NMS" in result.output and (tmp_path / "o" / "index.html").exists()


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(np.zeros((100, 150), np.uint8)).save(path)
    return path


@pytest.mark.parametrize(
    ("like", "message"),
    [
        ("1,2,3", "--like must be x1,y1,x2,y2, got '1,2,3'"),
        ("a,b,c,d", "--like must be x1,y1,x2,y2"),
        ("40,10,20,30", "--like must have x1 < x2 and y1 < y2"),
        ("nan,10,20,30", "--like must have x1 < x2"),
        ("10,10,160,30", "--like must lie inside the image, 150 x 100"),
        ("10,10,14,14", "--like must be at least 12 pixels"),
        ("1,1,inf,40", "--like must lie inside the image"),
        ("0,0,150,100", "--like must"),
        ("10,0,23,100", "--like must leave more of the image"),
    ],
)
def test_bad_box(photo, like, message):
    result = CliRunner().invoke(main, ["demo", "--image", str(photo), "--like", like])
    assert result.exit_code == 2 and message in " ".join(result.output.split())


def test_bad_folder(photo):
    result = CliRunner().invoke(
        main, ["demo", "--image", str(photo), "--like", "10,10,40,40", "--out", str(photo)]
    )
    assert result.exit_code == 2 and result.output.count("\n") == 1
    assert f"--out: cannot make the folder {photo}: File exists" in result.output


def test_bad_image(tmp_path, photo):
    small, broken = tmp_path / "small.png", tmp_path / "broken.png"
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(small)
    broken.write_bytes(b"no image")
    for path, message in (
        (tmp_path / "none.png", "--image: there is no file"),
        (broken, "cannot be read as an image"),
        (small, "must be at least 96 pixels wide and high, got 20 x 20"),
    ):
        result = CliRunner().invoke(main, ["demo", "--image", str(path), "--like", "1,1,30,30"])
        assert result.exit_code == 2 and message in " ".join(result.output.split())
    result = CliRunner().invoke(main, ["demo", "--image", str(photo)])
    assert result.exit_code == 2 and "--image and --like go together" in result.output

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch.utils.data import Subset
from training.tiny import Squares, Tiny, digest, fast, new_tiny

from edudet.data import Scenes
from edudet.training import checkpoint, evaluate, train
from edudet.training.curves import read
from edudet.training.state import new_optimizer

TINY = Path(__file__).with_name("tiny.py")
ROOT = Path(__file__).parents[2]


class Stopped(Exception):
    """A kill that a test can catch."""


def trained(out, **changes):
    """A model's digest after a run into the folder `out`."""
    model = new_tiny()
    history = train(model, Squares(), out=out, **fast(**changes))
    return digest(model), history


def test_a_detector_is_trained(tmp_path):
    model = new_tiny()
    history = train(
        model, Squares(), out=tmp_path, **fast(iterations=250, checkpoint_every=None, batch_size=6)
    )
    first, last = (sum(history["loss"][part]) / 10 for part in (slice(10), slice(-10, None)))
    assert last < 0.2 * first
    assert evaluate(model, Squares())["AP50"] > 0.3 > 10 * evaluate(Tiny(), Squares())["AP50"]
    assert history == {**read(tmp_path / "losses.csv"), "seconds": history["seconds"]}
    assert history["step"] == list(range(250)) and history["seconds"] == sorted(history["seconds"])
    sums = [a + b for a, b in zip(history["loss_class"], history["loss_box"], strict=True)]
    assert history["loss"] == pytest.approx(sums)
    assert {path.name for path in tmp_path.iterdir()} >= {"checkpoint.pt", "losses.csv"}


def test_the_seed_decides(tmp_path):
    one, same, other = (
        trained(tmp_path / name, seed=seed)[0] for name, seed in zip("abc", (1, 1, 2), strict=True)
    )
    assert one == same != other


def test_workers_change_nothing(tmp_path):
    assert trained(tmp_path / "a", workers=2)[0] == trained(tmp_path / "b")[0]


def test_torch_generators_are_left_as_they_were(tmp_path):
    model = new_tiny()
    torch.manual_seed(7)
    train(model, Squares(), out=tmp_path, **fast())
    assert torch.equal(torch.rand(2), torch.rand(2, generator=torch.Generator().manual_seed(7)))


def plain_sgd(steps):
    """The same training written down once more, with torch's parts alone."""
    model = new_tiny(dropout=0.0, noise=0.0).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for _ in range(steps):
        losses = model(
            *map(list, zip(*[(i, {**t, "seed": 0}) for i, t in Squares(4)], strict=True))
        )
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
    return model


def test_a_step_is_that_of_plain_sgd(tmp_path):
    model = new_tiny(dropout=0.0, noise=0.0)
    train(model, Squares(4), out=tmp_path, **fast(
        iterations=5, schedule="constant", warmup=0, weight_decay=0.0, clip=None,
    ))  # fmt: skip
    for ours, torchs in zip(model.parameters(), plain_sgd(5).parameters(), strict=True):
        torch.testing.assert_close(ours, torchs, rtol=1e-4, atol=1e-6)  # images in another order


def test_the_gradient_is_clipped(tmp_path):
    model = new_tiny()
    before = [p.detach().clone() for p in model.parameters()]
    train(model, Squares(), out=tmp_path, **fast(
        iterations=1, schedule="constant", warmup=0, clip=0.01, learning_rate=2.0, weight_decay=0.0,
    ))  # fmt: skip
    moved = [(p - b).flatten() for p, b in zip(model.parameters(), before, strict=True)]
    assert torch.cat(moved).norm().item() == pytest.approx(2.0 * 0.01, rel=1e-3)


def test_decay_pulls_at_kernels_only():
    model = Tiny()
    groups = new_optimizer(model, "sgd", 0.9, 0.1).param_groups
    decay = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    assert decay[id(model.head.weight)] == 0.1 and decay[id(model.head.bias)] == 0.0
    assert decay[id(model.body[1].weight)] == 0.0  # of a norm
    assert len(decay) == len(list(model.parameters()))


def test_frozen_weights_stay(tmp_path):
    model = new_tiny()
    model.body.requires_grad_(False)
    frozen, free = model.body[0].weight.clone(), model.head.weight.detach().clone()
    train(model, Squares(), out=tmp_path, **fast())
    assert torch.equal(model.body[0].weight, frozen) and not torch.equal(model.head.weight, free)
    with pytest.raises(ValueError, match="model must have a parameter that requires grad"):
        train(model.requires_grad_(False), Squares(), out=tmp_path / "b", **fast())


def test_average_of_the_weights_by_hand(tmp_path):
    """After one step with decay min(0.9, 2 / 11): 2/11 of the first weights, 9/11 of the next."""
    one, averaged, first = new_tiny(), new_tiny(), new_tiny().head.weight
    train(one, Squares(), out=tmp_path / "a", **fast(iterations=1))
    train(averaged, Squares(), out=tmp_path / "b", **fast(iterations=1, ema=0.9))
    expected = 2 / 11 * first + 9 / 11 * one.head.weight
    torch.testing.assert_close(averaged.head.weight, expected)


@pytest.mark.parametrize("changes", [{}, {"ema": 0.9}, {"optimizer": "adamw", "workers": 1}])
def test_stopped_at_any_step_and_resumed(tmp_path, monkeypatch, changes):
    whole, history = trained(tmp_path / "whole", **changes)
    forward = Tiny.forward
    for stop in range(0, 12, 1 if not changes else 5):
        calls = []

        def stopping(self, images, targets=None, calls=calls, stop=stop):
            calls.append(1)
            if len(calls) > stop:
                raise Stopped
            return forward(self, images, targets)

        out = tmp_path / str(stop)
        with monkeypatch.context() as patch, pytest.raises(Stopped):
            patch.setattr(Tiny, "forward", stopping)
            trained(out, **changes)
        resumed, again = trained(out, resume=True, **changes)
        assert resumed == whole
        assert {**again, "seconds": 0} == {**history, "seconds": 0}


def test_a_finished_run_resumed_is_as_it_was(tmp_path):
    whole, history = trained(tmp_path, ema=0.9)
    again, same = trained(tmp_path, ema=0.9, resume=True)
    assert again == whole and same["loss"] == history["loss"]


def start(out, resume=True, **given):
    """Train in a process of its own."""
    arguments = json.dumps({"resume": resume, **given})
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    return subprocess.Popen([sys.executable, str(TINY), str(out), arguments], env=environment)


def wait_for(path, process):
    """Until there is such a file, or the process has ended."""
    while not path.exists() and process.poll() is None:
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{"checkpoint_every": 2, "iterations": 60, "pause": 0.004}])
def test_killed_at_random_moments_and_resumed(tmp_path, changes):
    """kill -9 while it loads, computes or writes; the same weights in the end."""
    whole = tmp_path / "whole"
    assert start(whole, resume=False, **{**changes, "pause": 0.0}).wait() == 0
    out, chance, kills, progressed = tmp_path / "killed", random.Random(0), 0, 0
    for attempt in range(40):
        started = tmp_path / f"started_{attempt}"
        process = start(out, started=str(started), **changes)
        wait_for(started, process)
        time.sleep(chance.uniform(0.02, 0.7))
        process.send_signal(signal.SIGKILL)
        if process.wait() == 0:  # it was faster
            break
        kills += 1
        progressed += (out / "checkpoint.pt").exists()
        if kills == 4:
            assert start(out, **changes).wait() == 0
            break
    assert kills >= 2 and progressed
    assert (out / "digest").read_text() == (whole / "digest").read_text()
    ours, theirs = (read(folder / "losses.csv") for folder in (out, whole))
    assert ours["loss"] == theirs["loss"]


def test_a_torn_checkpoint_is_named(tmp_path):
    trained(tmp_path)
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=rf"must be a whole file that edudet wrote, got {path}"):
        trained(tmp_path, resume=True)


def test_resumed_with_other_arguments(tmp_path):
    trained(tmp_path)
    with pytest.raises(ValueError) as error:
        trained(tmp_path, resume=True, learning_rate=0.1, batch_size=6)
    assert "batch_size was 4, is 6; learning_rate was 0.05, is 0.1" in str(error.value)
    with pytest.raises(ValueError, match="model was None, is 'other'"):
        trained(tmp_path, resume=True, about={"model": "other"})
    trained(tmp_path, resume=True, checkpoint_every=5, workers=1)  # do not change the result


def test_resumed_with_other_data(tmp_path):
    """As many images, of the same sizes and classes."""
    scenes = Scenes("easy", length=6, size=(32, 32))
    given = fast(iterations=2, batch_size=2)
    train(Tiny(9), Subset(scenes, [0, 2]), out=tmp_path, **given)
    train(Tiny(9), Subset(scenes, [0, 2]), out=tmp_path, resume=True, **given)
    for other, message in [
        (Subset(scenes, [0, 3]), "digest of the choice was '"),
        (Subset(Scenes("easy", seed=1, length=6, size=(32, 32)), [0, 2]), "scenes was 0, is 1"),
        (Subset(Scenes("easy", length=7, size=(32, 32)), [0, 2]), "scenes was 6, is 7"),
    ]:
        with pytest.raises(ValueError, match=f"the data that it began with, got .*{message}"):
            train(Tiny(9), other, out=tmp_path, resume=True, **given)


def test_resumed_with_another_model(tmp_path):
    trained(tmp_path)
    with pytest.raises(ValueError, match=r"head\.bias in .* must have shape"):
        train(Tiny(num_classes=9), Squares(), out=tmp_path, resume=True, **fast())


def test_resumed_with_another_number_of_threads(tmp_path):
    trained(tmp_path)
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        with pytest.warns(UserWarning, match=f"threads = {threads}, now it is {threads + 1}"):
            trained(tmp_path, resume=True)
    finally:
        torch.set_num_threads(threads)


def test_a_run_is_not_overwritten(tmp_path):
    trained(tmp_path)
    with pytest.raises(ValueError, match="out must be a folder without a run, got"):
        trained(tmp_path)


def test_a_loss_that_is_nan(tmp_path):
    model = new_tiny(broken_at=6)
    with pytest.raises(FloatingPointError) as error:
        train(model, Squares(), out=tmp_path, **fast())
    path = tmp_path / "nan_batch.pt"
    text = str(error.value)
    assert "loss_box must be finite, got nan at step 5" in text and str(path) in text
    saved = checkpoint.load(path, checkpoint.BROKEN)
    assert saved["step"] == 5 and saved["losses"]["loss_box"].isnan()
    assert saved["losses"]["loss_class"].isfinite() and len(saved["images"]) == 4
    # The weights are those before the step, so that it can be looked into.
    again = Tiny(dropout=0.0)
    again.load_state_dict(saved["model"])
    assert digest(again) == digest(model)
    for target, image in zip(saved["targets"], saved["images"], strict=True):
        assert torch.equal(image, Squares()[target["image_id"]][0]) and target["seed"] >= 0
    assert checkpoint.load(tmp_path / "checkpoint.pt")["step"] == 3


class Root(Tiny):
    """Its loss is finite, the gradient of the square root at 0 is not."""

    def forward(self, images, targets=None):
        losses = super().forward(images, targets)
        return {**losses, "loss_root": (self.head.bias[0] * 0).sqrt()}


def test_a_gradient_that_is_not_finite(tmp_path):
    model = Root()
    before = digest(model)
    with pytest.raises(FloatingPointError, match=r"the gradient must be finite, got (nan|inf)"):
        train(model, Squares(), out=tmp_path, **fast())
    assert digest(model) == before and (tmp_path / "nan_batch.pt").exists()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"amp": 1}, TypeError, "train: amp must be a bool, got 1"),
        ({"iterations": 0}, ValueError, "train: iterations must be positive and finite, got 0"),
        ({"batch_size": 2.0}, TypeError, "train: batch_size must be an int, got 2.0"),
        ({"learning_rate": -1}, ValueError, "train: learning_rate must be positive"),
        ({"seed": -1}, ValueError, "train: seed must be finite and at least 0, got -1"),
        ({"schedule": "line"}, ValueError, "train: schedule must be one of constant, steps"),
        ({"optimizer": "lion"}, ValueError, "train: optimizer must be one of sgd, adamw, got"),
        ({"ema": 1.0}, ValueError, "train: ema must lie between 0 and 1, got 1.0"),
        ({"clip": 0}, ValueError, "train: clip must be positive"),
        ({"about": {"out": Path()}}, TypeError, "train: out must be a number, a text or a tuple"),
        ({"weight_decay": -1.0}, ValueError, "train: weight_decay must be finite and at least 0"),
    ],
)
def test_bad_arguments(tmp_path, changes, error, message):
    with pytest.raises(error, match=message):
        trained(tmp_path, **changes)


def test_no_images(tmp_path):
    with pytest.raises(ValueError, match="train: num_images must be positive"):
        train(Tiny(), Squares(0), out=tmp_path, **fast())


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_mixed_precision(tmp_path, device):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    model = new_tiny()
    history = train(model, Squares(), out=tmp_path, **fast(device=device, amp=True, iterations=40))
    assert history["loss"][-1] < history["loss"][0]
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())


def test_in_bfloat16_what_is_not_finite_is_an_error(tmp_path):
    """No scaler leaves the step out."""
    with pytest.raises(FloatingPointError, match=r"the gradient must be finite"):
        train(Root(), Squares(), out=tmp_path, **fast(amp=True))

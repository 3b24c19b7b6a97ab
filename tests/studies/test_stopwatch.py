"""Where the time goes, by a clock that is read aloud."""

import pytest
import torch
from torch import nn

from edudet.studies.stopwatch import Stopwatch


def clock_of(*times):
    return iter(times).__next__


def test_a_stage_within_a_stage_interrupts_it():
    watch = Stopwatch(clock_of(10, 11, 14, 14.5, 16, 20))
    with watch.stage("all"):  # 10
        with watch.stage("first"):  # 11 to 14
            pass
        with watch.stage("second"):  # 14.5 to 16
            pass
    assert watch.seconds == {"all": 1 + 0.5 + 4, "first": 3, "second": 1.5}
    assert sum(watch.seconds.values()) == 20 - 10


def test_the_same_stage_again_is_added():
    watch = Stopwatch(clock_of(0, 1, 5, 7))
    for _ in range(2):
        with watch.stage("one"):
            pass
    assert watch.seconds == {"one": 1 + 2}


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        self.propose = lambda x: x + 1

    def decode(self, x):
        return x * 2

    def forward(self, x):
        return self.decode(self.head(self.propose(x)))


PARTS = {"propose": "p", "head": "h", "decode": "d", "rpn": "r", "head.9.x": "r"}


def test_parts_are_modules_methods_and_functions():
    model, x = Model(), torch.ones(1, 2)
    wanted = model(x)
    #                     all  propose  head  decode
    watch = Stopwatch(clock_of(0, 1, 3, 4, 8, 9, 17, 20))
    with watch.watching(model, PARTS), watch.stage("other"):
        found = model(x)
    assert torch.equal(found, wanted)
    assert watch.seconds == {"other": 1 + 1 + 1 + 3, "p": 2, "h": 4, "d": 8}


def test_the_model_is_left_as_it_was():
    model, watch = Model(), Stopwatch()
    propose = model.propose
    with watch.watching(model, PARTS):
        assert model.propose is not propose and "decode" in vars(model)
    assert model.propose is propose and "decode" not in vars(model)
    assert not model.head._forward_hooks and not model.head._forward_pre_hooks
    model(torch.ones(1, 2))
    assert watch.seconds == {}


def test_a_call_that_raises_ends_its_stage():
    model = Model()
    watch = Stopwatch(clock_of(0, 1, 2, 3, 5, 6, 9, 10))
    with watch.stage("other"):  # 0
        with pytest.raises(RuntimeError), watch.watching(model, {"head": "h", "propose": "p"}):
            model(torch.ones(1, 3))  # propose 1 to 2, head 3 to 5
        with watch.stage("next"):  # 6 to 9
            pass
    assert watch.seconds == {"other": 1 + 1 + 1 + 1, "p": 1, "h": 2, "next": 3}

"""The four steps: who learns, from which weights, on whose proposals."""

import pytest
import torch
from models.scene_of_blocks import Blocks, batch
from torch import nn

from edudet.models.small import faster_rcnn_small
from edudet.models.two_stage.alternating import (
    LECTURE,
    PAPER,
    OneStep,
    RpnProposals,
    Step,
    alternating_training,
)

PARTS = ("backbone", "rpn", "box_branch")


def weights(model, part):
    return {name: v.clone() for name, v in getattr(model, part).state_dict().items()}


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


class Stub:
    """A trainer that shifts every weight that it may train, and remembers what it saw."""

    def __init__(self):
        self.before, self.after, self.proposals = [], [], []

    def __call__(self, model, dataset, number):
        self.before.append({part: weights(model.model, part) for part in PARTS})
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter += 0.01 * number
        self.after.append({part: weights(model.model, part) for part in PARTS})
        self.proposals.append(dataset[0][1].get("proposals"))


def run(steps):
    torch.manual_seed(0)
    stub = Stub()
    model = alternating_training(lambda: faster_rcnn_small(3), Blocks(2, proposals=0), stub, steps)
    return model, stub


@pytest.mark.parametrize(
    ("steps", "trained", "rpn_of_step_3"),
    [
        (PAPER, [("backbone", "rpn"), ("backbone", "box_branch"), ("rpn",), ("box_branch",)], 0),
        (LECTURE, [("rpn",), ("backbone", "box_branch"), ("rpn",), ("box_branch",)], 1),
    ],
    ids=["paper", "lecture"],
)
def test_what_changes_in_each_step(steps, trained, rpn_of_step_3):
    model, stub = run(steps)
    for before, after, parts in zip(stub.before, stub.after, trained, strict=True):
        assert tuple(part for part in PARTS if not same(before[part], after[part])) == parts
    first, second, third, fourth = stub.before
    after = stub.after
    assert same(first["backbone"], second["backbone"])  # both from the start
    assert same(third["backbone"], after[1]["backbone"])  # shared, and fixed from here on
    assert same(fourth["backbone"], after[1]["backbone"])
    assert same(fourth["box_branch"], after[1]["box_branch"])
    assert same(third["rpn"], first["rpn"] if rpn_of_step_3 == 0 else after[0]["rpn"])
    assert same(weights(model, "backbone"), after[1]["backbone"])
    assert same(weights(model, "rpn"), after[2]["rpn"])
    assert same(weights(model, "box_branch"), after[3]["box_branch"])
    assert not model.training and all(p.requires_grad for p in model.parameters())


def test_whose_proposals():
    _, stub = run(PAPER)
    assert stub.proposals[0] is None and stub.proposals[2] is None
    for step, source in ((1, 0), (3, 2)):
        model = faster_rcnn_small(3)
        for part in ("backbone", "rpn"):
            getattr(model, part).load_state_dict(stub.after[source][part])
        expected = RpnProposals(model)(Blocks(2)[0][0])
        assert torch.equal(stub.proposals[step], expected) and len(expected) > 0
    assert not torch.equal(stub.proposals[1], stub.proposals[3])


def test_losses_of_a_step():
    images, targets = batch(2)
    model = OneStep(faster_rcnn_small(3), PAPER[2]).train()
    losses = model(images, targets)
    assert losses.keys() == {"loss_objectness", "loss_rpn_box_reg"}
    sum(losses.values()).backward()
    assert all(p.grad is None for p in model.model.backbone.parameters())
    assert all(p.grad is not None for p in model.model.rpn.parameters())
    model = OneStep(faster_rcnn_small(3), PAPER[3]).train()
    losses = model(images, targets)
    assert losses.keys() == {"loss_classifier", "loss_box_reg"}
    sum(losses.values()).backward()
    trained = {name.split(".")[1] for name, p in model.named_parameters() if p.grad is not None}
    assert trained == {"box_branch"}


def test_a_fixed_batch_norm_keeps_its_statistics():
    faster = faster_rcnn_small(3)
    faster.backbone.body.norm = nn.BatchNorm2d(32)
    images, targets = batch(2)
    for step, moves in ((PAPER[0], True), (PAPER[2], False)):
        OneStep(faster, step).train()(images, targets)
        moved = faster.backbone.body.norm.running_mean.abs().sum() > 0
        assert moved == moves
        faster.backbone.body.norm.reset_running_stats()


def test_a_real_run_lowers_the_losses():
    histories = {}

    def train(model, dataset, number):
        optimizer = torch.optim.SGD(
            [p for p in model.parameters() if p.requires_grad], 0.02, momentum=0.9
        )
        images, targets = zip(*[dataset[i] for i in range(len(dataset))], strict=True)
        model.train()
        for _ in range(6):
            loss = sum(model(images, targets).values())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            histories.setdefault(number, []).append(loss.item())

    torch.manual_seed(0)
    model = alternating_training(lambda: faster_rcnn_small(3), Blocks(2, proposals=0), train)
    assert all(history[-1] < history[0] for history in histories.values()), histories
    model.box_branch.score_thresh = 0.0
    with torch.no_grad():
        assert all(len(one["boxes"]) > 0 for one in model(batch(2)[0]))


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (Step(("rpn",), {"backbone": 0}), r"steps\[0\] must train parts that it starts"),
        (Step(("mask",), {"mask": 0}), r"steps\[0\] must train parts that it starts"),
        (Step(("rpn",), {"backbone": 1, "rpn": 0}), r"steps\[0\] must use steps before number 1"),
        (Step(("rpn",), {"backbone": 0, "rpn": 0}, proposals=0), "must use steps before"),
    ],
)
def test_a_plan_that_cannot_be(step, message):
    with pytest.raises(ValueError, match=message):
        alternating_training(lambda: faster_rcnn_small(3), Blocks(1), Stub(), [step])

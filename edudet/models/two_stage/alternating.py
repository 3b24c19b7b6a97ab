"""Faster R-CNN in four alternating steps: how proposals and detector came to share their map.

                      the paper                            today's lectures
    step 1  RPN       backbone and RPN, from the start     RPN alone, on a fixed backbone
    step 2  detector  backbone and heads, from the start   the same
    step 3  RPN       RPN, new; backbone of step 2 fixed   RPN of step 1; backbone of step 2 fixed
    step 4  detector  heads of step 2; backbone of step 2 and RPN of step 3 fixed: the same

Heads learn from proposals that must not change while they learn, and the RPN from a backbone that
the heads have made. So first each gets its own backbone; then that of the detector is fixed, and
both are fitted to it. Ren et al., 2015, section 3.2. (`FasterRCNN` trains all at once, which needs
half the time and is as good.)

Where we differ from the paper: proposals for step 2 and 4 are those of evaluation mode, found once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from edudet.data.proposals import WithProposals
from edudet.data.target import Losses, Target, checked_targets
from edudet.models.two_stage.faster_rcnn import FasterRCNN
from edudet.nn.transform import Images, resize_boxes, size_of

PARTS = ("backbone", "rpn", "box_branch")
State = dict[str, Tensor]
Train = Callable[["OneStep", Any, int], Any]


@dataclass(frozen=True)
class Step:
    """One of the four.

    Args:
        trained: the parts that learn; all others are fixed.
        starts: for each part in use the step whose weights it begins with; 0: new ones.
        proposals: the step whose RPN proposes to the heads; None: the RPN itself is trained.
    """

    trained: tuple[str, ...]
    starts: Mapping[str, int]
    proposals: int | None = None


PAPER = (
    Step(("backbone", "rpn"), {"backbone": 0, "rpn": 0}),
    Step(("backbone", "box_branch"), {"backbone": 0, "box_branch": 0}, proposals=1),
    Step(("rpn",), {"backbone": 2, "rpn": 0}),
    Step(("box_branch",), {"backbone": 2, "box_branch": 2}, proposals=3),
)
LECTURE = (
    Step(("rpn",), {"backbone": 0, "rpn": 0}),
    Step(("backbone", "box_branch"), {"backbone": 0, "box_branch": 0}, proposals=1),
    Step(("rpn",), {"backbone": 2, "rpn": 1}),
    Step(("box_branch",), {"backbone": 2, "box_branch": 2}, proposals=3),
)
STEPS = {"paper": PAPER, "lecture": LECTURE}


class OneStep(nn.Module):
    """A Faster R-CNN of which one step trains some parts: `model(images, targets)` gives the losses
    of the RPN, or those of the heads on `proposals` in the targets. Fixed parts get no gradient and
    stay in evaluation mode: a batch norm among them keeps its statistics.
    """

    def __init__(self, model: FasterRCNN, step: Step):
        super().__init__()
        self.model, self.step = model, step
        for part in PARTS:
            if part not in step.trained:
                getattr(model, part).requires_grad_(False)

    def train(self, mode: bool = True) -> "OneStep":
        super().train(mode)
        for part in PARTS:
            if part not in self.step.trained:
                getattr(self.model, part).eval()
        return self

    def forward(
        self, images: Images, targets: Sequence[Target],
        keep: dict[str, Any] | None = None,
    ) -> Losses:
        images = self.model.transform.checked("OneStep", images)
        needs = self.model.needs + (() if self.step.proposals is None else ("proposals",))
        targets = checked_targets(
            "OneStep", images, targets, needs, self.model.num_classes, K=self.model.num_joints
        )
        batch = self.model.transform(images, targets)
        maps = self.model.backbone(batch.images)                           # each (N, C, H_l, W_l)
        if self.step.proposals is None:
            return self.model.rpn(batch, maps, keep)[1]
        proposals = [target["proposals"] for target in batch.targets]      # each (P, 4)
        return self.model.train_heads(maps, proposals, batch, keep)


class RpnProposals:
    """The proposals of a model's RPN, in evaluation mode: image (3, H, W) -> (P, 4)."""

    def __init__(self, model: FasterRCNN):
        self.model = model.eval()

    @torch.no_grad()
    def __call__(self, image: Tensor) -> Tensor:
        device = next(self.model.rpn.parameters()).device
        batch = self.model.transform([image.to(device)])
        [proposals], _ = self.model.rpn(batch, self.model.backbone(batch.images))
        return resize_boxes(proposals, batch.sizes[0], size_of(image)).to(image.device)


def alternating_training(
    build: Callable[[], FasterRCNN], dataset: Any, train: Train, steps: Sequence[Step] = PAPER
) -> FasterRCNN:
    """Train a Faster R-CNN step by step.

    Args:
        build: makes a model. What is "new" has the weights of the first one that it makes, so that
            steps 1 and 2 start from the same backbone, such as one trained on ImageNet.
        dataset: `dataset[i]` is an image and its target, the same for the same i each time.
        train: `train(model, dataset, number)` trains all parameters of a `OneStep` that require a
            gradient, in place; the dataset's targets have the proposals that it needs. E.g.
            `lambda model, data, n: edudet.training.train(model, data, out=out / f"step{n}", ...)`
        steps: PAPER or LECTURE, or a plan of your own.

    Returns:
        The model with the backbone of the last step and the last RPN and heads, in evaluation mode;
        every parameter may be trained again.

    Raises:
        ValueError: a step uses what is trained only later.
    """
    check_steps(steps)
    states = [_state(build())]  # after step 0, 1, ...
    for number, step in enumerate(steps, 1):
        model = _filled(build(), states, step.starts)
        data = dataset
        if step.proposals is not None:
            proposer = _filled(build(), states, dict.fromkeys(("backbone", "rpn"), step.proposals))
            data = WithProposals(dataset, propose=RpnProposals(proposer))
        train(OneStep(model, step), data, number)
        # What a step has not used stays as the step before left it.
        states.append(states[-1] | _state(model, {*step.starts}))
    return _filled(build(), states, dict.fromkeys(PARTS, len(steps))).eval()


def check_steps(steps: Sequence[Step]) -> None:
    """Raise ValueError unless every step stands on earlier ones."""
    for number, step in enumerate(steps, 1):
        unknown = {*step.trained, *step.starts} - {*PARTS}
        if unknown or not {*step.trained} <= {*step.starts}:
            raise ValueError(
                f"alternating_training: steps[{number - 1}] must train parts that it starts, of "
                f"{', '.join(PARTS)}, got {step}"
            )
        used = [*step.starts.values(), *([] if step.proposals is None else [step.proposals])]
        if not all(0 <= one < number for one in used) or step.proposals == 0:
            raise ValueError(
                f"alternating_training: steps[{number - 1}] must use steps before number {number}, "
                f"got {step}"
            )


def _state(model: FasterRCNN, parts: Sequence[str] | set[str] = PARTS) -> State:
    """Copies of the weights of some parts."""
    return {
        name: value.detach().cpu().clone()
        for name, value in model.state_dict().items() if name.split(".")[0] in parts
    }


def _filled(model: FasterRCNN, states: Sequence[State], starts: Mapping[str, int]) -> FasterRCNN:
    """The model with each part as the given step left it, and other parts as built first."""
    chosen = {
        name: states[starts.get(name.split(".")[0], 0)][name] for name in model.state_dict()
    }
    model.load_state_dict(chosen)
    return model

"""Exercise: what learns in which of the four steps of Faster R-CNN's training. A number stands for
the weights of a part, so that one sees where they come from."""

import torch

from edudet.cases.case import Case
from edudet.course.exercise import Exercise, hidden, worked
from edudet.models.two_stage.alternating import PARTS, STEPS


def alternating_schedule(step, first_fixed, saved):
    """Say what a step of the training begins with, what learns in it, and who proposes.

    step: 1, 2, 3 or 4.
    first_fixed: False for the plan of the paper, True for that of the lectures.
    saved: (step, 3) float32; row s holds the weights of backbone, RPN and heads (a number for each)
    as step s has left them; row 0 the new ones.

    Returns start (3,) float32, the weights that backbone, RPN and heads begin with, 0 for a part
    that is not in use; trained (3,) bool, which of them learn; and the number of the step whose RPN
    has proposed the boxes that the heads learn from, 0 if the heads are not in use.
    """
    plan = STEPS["lecture" if first_fixed else "paper"][step - 1]
    start = [saved[plan.starts[part], i] if part in plan.starts else saved.new_zeros(())
             for i, part in enumerate(PARTS)]  # fmt: skip
    trained = torch.tensor([part in plan.trained for part in PARTS])
    return torch.stack(start), trained, plan.proposals or 0


def train_alternately(first_fixed, new, change):
    """Return the weights of all parts after each step of the training.

    first_fixed: as in `alternating_schedule`.
    new: (3,) float32; the new weights of backbone, RPN and heads.
    change: (4, 3) float32; row s - 1 is what learning in step s adds to each part, if it learns.

    Returns (5, 3) float32, the `saved` of `alternating_schedule`: row 0 is `new`, row s the weights
    after step s. What does not learn in a step is there as the step before has left it.
    """
    rows = [new]
    for step in (1, 2, 3, 4):
        start, trained, _ = alternating_schedule(step, first_fixed, torch.stack(rows))
        rows.append(torch.where(trained, start + change[step - 1], rows[-1]))
    return torch.stack(rows)


SAVED = [[1, 2, 4], [8, 16, 4], [32, 16, 64], [32, 128, 64]]
NEW, CHANGE = [1, 2, 3], [[10, 20, 30], [100, 200, 300], [1000, 2000, 3000], [0.5, 0.25, 0.125]]
WORKED = [
    *(Case(f"step {step}", (step, False, SAVED[:step]), None) for step in (1, 2, 3, 4)),
    *(Case(f"lecture, step {step}", (step, True, SAVED[:step]), None) for step in (1, 2, 3, 4)),
    Case("the paper", (False, NEW, CHANGE), None),
    Case("the lectures", (True, NEW, CHANGE), None),
]


def numbers(random, *shape):
    """Whole numbers, all different: it is seen which one was taken."""
    count = 1
    for side in shape:
        count *= side
    drawn = random.permutation(1000)[:count] + 1
    return drawn.reshape(shape).tolist()


def a_step(random, steps=(1, 2, 3, 4), plans=(False, True)):
    step = int(random.choice(steps))
    return step, bool(random.choice(plans)), numbers(random, step, 3)


def of_the_paper(random):
    return a_step(random, plans=(False,))


def of_the_lectures(random):
    return a_step(random, plans=(True,))


def on_shared_maps(random):
    return a_step(random, steps=(3, 4))


def whole_training(random):
    return bool(random.integers(2)), numbers(random, 3), numbers(random, 4, 3)


# For each step: (the step that each part begins with, or None; which parts learn; who proposes).
PAPER = [((0, 0, None), (1, 1, 0), 0), ((0, None, 0), (1, 0, 1), 1), ((2, 0, None), (0, 1, 0), 0),
         ((2, None, 2), (0, 0, 1), 3)]  # fmt: skip
LECTURE = [((0, 0, None), (0, 1, 0), 0), PAPER[1], ((2, 1, None), (0, 1, 0), 0), PAPER[3]]


def changed(step, paper=None, lecture=None, first_fixed=True):
    """The schedule with one step of one plan, or of both, exchanged."""
    plans = [list(PAPER), list(LECTURE if first_fixed else PAPER)]
    for plan, other in zip(plans, (paper, lecture), strict=True):
        if other is not None:
            plan[step - 1] = other

    def schedule(step, fixed, saved):
        starts, trained, proposals = plans[fixed][step - 1]
        start = [0 if s is None else saved[s][i] for i, s in enumerate(starts)]
        return start, [bool(one) for one in trained], proposals

    return schedule


def both(step, other):
    return changed(step, other, other)


def training(*, frozen=True, restart=True, shift=0, forget=False):
    """train_alternately with one part exchanged."""
    def train(first_fixed, new, change):
        rows = [list(new)]
        for step in (1, 2, 3, 4):
            start, trained, _ = changed(1)(step, first_fixed, rows)
            used = [one is not None for one in (LECTURE if first_fixed else PAPER)[step - 1][0]]
            row = []
            for i in range(3):
                begin = start[i] if restart else rows[-1][i]
                learns = trained[i] or (used[i] and not frozen)
                value = begin + change[step - 1 - shift][i] if learns else rows[-1][i]
                row.append(new[i] if forget and not used[i] else value)
            rows.append(row)
        return rows

    return train


MISTAKES = {
    "alternating_schedule": {
        "the detector of step 2 has a backbone of its own: it starts anew, not from step 1": both(
            2, ((1, None, 0), (1, 0, 1), 1)
        ),
        "the backbone does not learn in step 3: the RPN is fitted to the detector's": changed(
            3, ((2, 0, None), (1, 1, 0), 0), ((2, 1, None), (1, 1, 0), 0)
        ),
        "the backbone does not learn in step 4: it would no longer fit the RPN": both(
            4, ((2, None, 2), (1, 0, 1), 3)
        ),
        "in step 3 the backbone is that of the detector, of step 2": changed(
            3, ((1, 0, None), (0, 1, 0), 0), ((1, 1, None), (0, 1, 0), 0)
        ),
        "the heads of step 4 go on from those of step 2": both(4, ((2, None, 0), (0, 0, 1), 3)),
        "the heads of step 4 learn from the proposals of step 3": both(
            4, ((2, None, 2), (0, 0, 1), 1)
        ),
        "in step 2 the RPN of step 1 proposes": both(2, ((0, None, 0), (1, 0, 1), 0)),
        "with first_fixed the backbone does not learn in step 1": changed(
            1, lecture=PAPER[0]
        ),
        "the paper's backbone learns in step 1": changed(1, paper=LECTURE[0]),
        "the paper's RPN is new in step 3": changed(3, paper=LECTURE[2]),
        "the lectures' RPN goes on in step 3 from that of step 1": changed(3, lecture=PAPER[2]),
        "the RPN is not in use where the heads learn": changed(
            4, ((2, 3, 2), (0, 0, 1), 3), ((2, 3, 2), (0, 0, 1), 3)
        ),
    },
    "train_alternately": {
        "what is fixed does not learn": training(frozen=False),
        "a part begins with what the schedule says, not with what the last step has left":
            training(restart=False),
        "row s - 1 of `change` belongs to step s": training(shift=1),
        "what is not in use stays as the step before has left it": training(forget=True),
    },
}  # fmt: skip


def draw(axes, case, result):
    """The three parts: learning in blue, fixed in grey, dashed if not in use."""
    from edudet.draw import COLOURS

    start, trained = (torch.as_tensor(part).tolist() for part in result[:2])
    step, proposals = case[0], int(result[2])
    places = {"backbone": (0, 0), "RPN": (3, 1), "heads": (3, -1)}
    for (name, (x, y)), weight, learns in zip(places.items(), start, trained, strict=True):
        colour = COLOURS["kept" if learns else "faint"]
        state = "learning" if learns else "fixed" if weight else "not in use"
        text = f"{name}\n{state}" + (f"\nbegins with {weight:g}" if weight else "")
        axes.text(x, y, text, ha="center", va="center", bbox={
            "facecolor": "white", "edgecolor": colour, "linewidth": 2.5, "pad": 9,
            "linestyle": "-" if weight else "--"})  # fmt: skip
        if x and weight:
            axes.annotate("", (x - 1, y), (1, 0), arrowprops={"arrowstyle": "->", "color": colour})
    if proposals:
        axes.text(3, 0, f"proposals of step {proposals}", ha="center", va="center", fontsize=9)
        axes.annotate("", (3, -0.5), (3, -0.15), arrowprops={"arrowstyle": "->"})
    axes.set_title(f"step {step}")
    axes.set_xlim(-1.2, 4.2)
    axes.set_ylim(-1.7, 1.7)
    axes.set_axis_off()


def prepare_training(first_fixed, new, change):
    return (
        first_fixed, torch.tensor(new, dtype=torch.float32),
        torch.tensor(change, dtype=torch.float32),
    )  # fmt: skip


EXERCISE = Exercise(
    title="Training in four steps",
    functions=[alternating_schedule, train_alternately],
    tests=[
        worked("the paper's steps", 2, WORKED, "step 1", "step 2", "step 3", "step 4"),
        worked("the lectures' steps", 2, WORKED, "lecture, step 1", "lecture, step 2",
               "lecture, step 3", "lecture, step 4"),
        worked("the whole training", 2, WORKED, "the paper", "the lectures",
               function="train_alternately"),
        hidden("steps of the paper", 2, of_the_paper, calls=16),
        hidden("steps of the lectures", 2, of_the_lectures, calls=16),
        hidden("steps on shared maps", 1, on_shared_maps, calls=12),
        hidden("other trainings", 3, whole_training, calls=8, function="train_alternately"),
    ],
    mistakes=MISTAKES,
    prepare={
        "alternating_schedule": lambda step, fixed, saved: (
            step, fixed, torch.tensor(saved, dtype=torch.float32)
        ),
        "train_alternately": prepare_training,
    },
    line_budget=24,
    example=(4, False, SAVED),
    draw={"alternating_schedule": draw},
)  # fmt: skip

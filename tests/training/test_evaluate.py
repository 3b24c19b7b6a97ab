"""What evaluation does for every task; what each task measures: tests/tasks."""

import pytest
import torch
from tasks.answers import NONE, Answers, Given, found, person

from edudet.training import evaluate


def test_batches_change_nothing():
    dataset = Given(*(person(image_id=i) for i in range(5)))
    outputs = [found(scores=(0.1 * i,)) if i % 2 else NONE for i in range(5)]
    numbers = [evaluate(Answers(*outputs), dataset, batch_size=n) for n in (1, 3, 8)]
    for one in numbers:
        del one["images_per_second"]
    assert numbers[0] == numbers[1] == numbers[2]


def test_of_the_targets_a_model_sees_proposals_alone():
    model = Answers(found())
    evaluate(model, Given(person()))
    assert model.seen == [None]
    proposals = torch.tensor([[0.0, 0.0, 9.0, 9.0]])
    evaluate(model, Given(person(proposals=proposals)))
    assert model.seen[1][0].keys() == {"proposals"}
    assert torch.equal(model.seen[1][0]["proposals"], proposals)


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_is_left(training):
    model = Answers(found()).train(training)
    evaluate(model, Given(person()))
    assert model.training is training


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"task": "mask"}, TypeError, "evaluate: task must be one of edudet.tasks, such as det"),
        ({"batch_size": 0}, ValueError, "evaluate: batch_size must be positive"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        evaluate(Answers(found()), Given(person()), **arguments)

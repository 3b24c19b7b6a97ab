import pytest
import torch
from training.tiny import Squares

from edudet.data.augment import Augmented
from edudet.training.batches import batch_at, batches, seed_of
from edudet.training.distributed import Processes


def test_an_epoch_has_every_image_once():
    # Ten images, batches of four: epochs end inside a batch.
    flat = [place for step in range(10) for place in batch_at(step, 4, 10, seed=3)]
    for epoch in range(4):
        assert flat[epoch * 10 : epoch * 10 + 10] == [
            (epoch, i) for _, i in flat[epoch * 10 :][:10]
        ]
        assert sorted(i for e, i in flat if e == epoch) == list(range(10))
    orders = {tuple(i for e, i in flat if e == epoch) for epoch in range(4)}
    assert len(orders) == 4


def test_seeds_give_other_orders():
    assert batch_at(0, 8, 100, seed=0) != batch_at(0, 8, 100, seed=1)


def test_a_batch_larger_than_the_dataset():
    images = [i for _, i in batch_at(0, 7, 3, seed=0)]
    assert sorted(images[:3]) == sorted(images[3:6]) == [0, 1, 2]


def ids(stream):
    return [[(t["image_id"], t["seed"]) for t in targets] for _, targets in stream]


def test_begun_in_the_middle_it_gives_the_same():
    whole = ids(batches(Squares(), 0, 8, 4, seed=5))
    assert ids(batches(Squares(), 5, 8, 4, seed=5)) == whole[5:]
    assert len(whole) == 8


def test_the_parts_of_two_processes_are_the_whole():
    whole = ids(batches(Squares(), 0, 3, 4, seed=5))
    parts = [ids(batches(Squares(), 0, 3, 4, 5, 0, Processes(rank, 2))) for rank in range(2)]
    assert [a + b for a, b in zip(*parts, strict=True)] == whole


def test_workers_change_nothing():
    alone, helped = (list(batches(Squares(), 0, 4, 4, 0, workers)) for workers in (0, 2))
    assert ids(alone) == ids(helped)
    for (images, _), (others, _) in zip(alone, helped, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(images, others, strict=True))


def test_seeds_differ_from_image_to_image_and_step_to_step():
    seeds = [t["seed"] for _, targets in batches(Squares(3), 0, 6, 3, 0) for t in targets]
    assert len(set(seeds)) == 18
    assert seed_of(1, 2) != seed_of(2, 1) and 0 <= seed_of(7) < 2**63


@pytest.mark.parametrize("workers", [0, 2])
def test_augmentation_differs_from_epoch_to_epoch(workers):
    def shift(image, target, generator):
        return image + torch.rand((), generator=generator), target

    stream = list(batches(Augmented(Squares(2), shift), 0, 3, 2, 0, workers))
    seen = {(t["image_id"], float(image.sum())) for images, targets in stream
            for image, t in zip(images, targets, strict=True)}  # fmt: skip
    assert len(seen) == 6


def test_the_global_generator_is_left_alone():
    torch.manual_seed(0)
    list(batches(Squares(), 0, 2, 4, 0))
    assert torch.equal(torch.rand(3), torch.rand(3, generator=torch.Generator().manual_seed(0)))

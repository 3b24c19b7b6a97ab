import pytest
import torch

from edudet.data.about import about
from edudet.training.recipes import RECIPES
from edudet.training.run import Source, prepared


@pytest.mark.parametrize("name", RECIPES)
def test_every_model_learns_the_same_in_mixed_precision(name):
    """bfloat16 has three decimal digits: losses differ by percents, gradients stay finite."""
    recipe = RECIPES[name]
    scenes = prepared(recipe, Source().open(recipe, "train", length=2))
    images, targets = zip(*(scenes[i] for i in range(2)), strict=True)
    torch.manual_seed(0)
    model = recipe.new_model(about(scenes)).train()
    losses = {}
    for amp in (False, True):
        torch.manual_seed(0)
        with torch.autocast("cpu", torch.bfloat16, enabled=amp):
            losses[amp] = model(list(images), [{**t, "seed": 1} for t in targets])
    for key, loss in losses[False].items():
        assert losses[True][key].item() == pytest.approx(loss.item(), rel=0.1, abs=0.05), key
    sum(losses[True].values()).backward()
    for key, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is None or parameter.grad.isfinite().all(), key
            assert parameter.dtype == torch.float32

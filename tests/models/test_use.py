"""Every detector as others use models: gradients on, in any dtype, with hooks, on odd images."""

import copy

import pytest
import torch
from torch import nn

from edudet.data import Scenes
from edudet.models import fasterrcnn_resnet50_fpn, keypointrcnn_resnet50_fpn, maskrcnn_resnet50_fpn
from edudet.models.published.two_stage import load_torchvision_state_dict
from edudet.models.two_stage.mask_rcnn import paste_masks
from edudet.nn.frozen_batch_norm import FrozenBatchNorm2d, convolve
from edudet.nn.resnet import ResNet
from edudet.nn.small import SmallNet
from edudet.nn.transform import Transform
from edudet.nn.vgg import VGG16
from edudet.tasks.detection import Detection
from edudet.training.recipes import RECIPES

# Other tasks have other targets: test_encoder_decoder.py, test_classification.py.
NAMES = [name for name, recipe in RECIPES.items() if isinstance(recipe.task, Detection)]
DTYPES = (torch.float64, torch.bfloat16, torch.float16)


@pytest.fixture(scope="module")
def people():
    """Two scenes with boxes, masks and joints, and some proposals."""
    pairs = [Scenes("people", "train")[i] for i in range(2)]
    for _, target in pairs:
        boxes = target["boxes"]
        target["proposals"] = torch.cat([boxes, (boxes + 5).clamp(max=128), boxes.new_tensor(
            [[0, 0, 40, 60], [60, 50, 128, 128]])])  # fmt: skip
        target["seed"] = 1
    return [image for image, _ in pairs], [target for _, target in pairs]


def new_model(name):
    torch.manual_seed(0)
    model = RECIPES[name].model(2)
    if hasattr(model.box_branch, "svms"):  # they would not answer before they are trained
        model.box_branch.svms.weight.normal_(0, 0.1)
        model.box_branch.svms.bias.fill_(1)
        model.box_branch.svms.trained.fill_(True)
    return model


def given(name, targets):
    """What a model is shown in evaluation."""
    wants = RECIPES[name].prepare is not None
    return ([{"proposals": target["proposals"]} for target in targets],) if wants else ()


def moved(targets, dtype):
    return [
        {key: value.to(dtype) if torch.is_tensor(value) and value.is_floating_point() else value
         for key, value in target.items()}
        for target in targets
    ]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_any_dtype(name, dtype, people):
    images, targets = people
    model = new_model(name).to(dtype)
    images = [image.to(dtype) for image in images]
    losses = model(images, targets)
    assert all(loss.isfinite() for loss in losses.values())
    sum(losses.values()).backward()
    trained = [p for p in model.parameters() if p.requires_grad and p.grad is not None]
    assert trained and all(p.grad.dtype == dtype and p.grad.isfinite().all() for p in trained)
    exact = torch.promote_types(dtype, torch.float32)
    for targets_too in (targets, moved(targets, dtype)):
        with torch.no_grad():
            found = model.eval()(images, *given(name, targets_too))
        for one in found:
            assert one["boxes"].dtype == one["scores"].dtype == exact
            assert all(value.isfinite().all() for value in one.values())


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_the_image(name, people):
    """Saliency: which pixels speak for what was found? And those that a loss depends on."""
    images, targets = people
    model = new_model(name).eval()
    with torch.no_grad():
        expected = model(images, *given(name, targets))
    inputs = [image.clone().requires_grad_() for image in images]
    found = model(inputs, *given(name, targets))
    for one, other in zip(found, expected, strict=True):
        for key, value in other.items():
            assert torch.equal(one[key].detach(), value)
    # "keypoints" are places of maxima: whole numbers, moved by the gradient of the box alone.
    for key in found[0].keys() & {"scores", "masks", "keypoints_scores"}:
        for one, image in zip(found, inputs, strict=True):
            assert len(one[key])
            (gradient,) = torch.autograd.grad(one[key].sum(), image, retain_graph=True)
            assert gradient.isfinite().all() and gradient.abs().sum() > 0, key
    model.train()
    losses = model(inputs, targets)
    for gradient in torch.autograd.grad(sum(losses.values()), inputs):
        assert gradient.isfinite().all() and gradient.abs().sum() > 0


def test_masks_are_pasted_with_a_gradient():
    masks = torch.rand(2, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    boxes = torch.tensor([[1.0, 2, 9, 8], [-3, -2, 5, 20]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda m: paste_masks(m, boxes, (10, 12)), masks)


@pytest.mark.parametrize(
    "make",
    [lambda: ResNet(18, FrozenBatchNorm2d), lambda: ResNet(50, FrozenBatchNorm2d),
     lambda: ResNet(18), VGG16, SmallNet],
    ids=["frozen 18", "frozen 50", "18", "VGG-16", "SmallNet"],
)  # fmt: skip
def test_hooks_see_what_a_layer_gave(make):
    torch.manual_seed(0)
    net = make().eval()
    for norm in net.modules():
        if isinstance(norm, (FrozenBatchNorm2d, nn.BatchNorm2d)):
            norm.running_mean += 0.5
    seen, asked = {}, []
    layers = [m for m in net.modules() if not list(m.children())]
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        expected = net(image)

    def look(module, inputs, output):
        seen[module] = output, output.detach().clone()

    handles = [layer.register_forward_hook(look) for layer in layers]
    handles += [
        layer.register_full_backward_hook(lambda module, *_: asked.append(module))
        for layer in layers
    ]
    maps = net(image.requires_grad_())
    assert all(torch.equal(*pair) for pair in seen.values()) and seen.keys() == {*layers}
    sum(one.sum() for one in maps).backward()
    assert {*asked} == {*layers}
    for handle in handles:
        handle.remove()
    with torch.no_grad():
        again = net(image)
    assert all(torch.equal(a, b) for a, b in zip(expected, again, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(expected, maps, strict=True))


def test_a_global_hook_sees_them_too():
    conv, norm, seen = nn.Conv2d(2, 3, 1), FrozenBatchNorm2d(3), []
    norm.running_mean += 1
    handle = nn.modules.module.register_module_forward_hook(
        lambda module, inputs, output: seen.append((output, output.detach().clone()))
    )
    try:
        convolve(conv, norm, torch.rand(1, 2, 4, 4))
    finally:
        handle.remove()
    assert len(seen) == 2 and all(torch.equal(*pair) for pair in seen)


@pytest.mark.parametrize("size", [(1, 900), (900, 1), (3, 2000), (1, 1)])
def test_a_strip_keeps_a_row(size):
    image = torch.rand(3, *size)
    batch = Transform(800, 1333).eval()([image])
    assert min(batch.sizes[0]) >= 1 and max(batch.sizes[0]) <= 1333


@pytest.mark.parametrize("name", NAMES)
def test_copies_are_equal(name, people):
    images, targets = people
    model = new_model(name).eval()
    other = copy.deepcopy(model)
    with torch.no_grad():
        found = [m(images, *given(name, targets)) for m in (model, other)]
    for one, two in zip(*found, strict=True):
        assert all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize("count", [0, 1, -3])
@pytest.mark.parametrize(
    "make",
    [fasterrcnn_resnet50_fpn, maskrcnn_resnet50_fpn, keypointrcnn_resnet50_fpn,
     *(lambda num_classes, name=name: RECIPES[name].model(num_classes) for name in NAMES)],
)  # fmt: skip
def test_too_few_classes(make, count):
    with pytest.raises(ValueError, match=rf"num_classes must be at least 2, .*, got {count}"):
        make(num_classes=count)


def test_no_joints():
    with pytest.raises(ValueError, match="num_keypoints must be positive and finite, got 0"):
        keypointrcnn_resnet50_fpn(num_keypoints=0)


@pytest.fixture(scope="module")
def state():
    return RECIPES["faster_rcnn"].model(3).state_dict()


@pytest.mark.parametrize(
    ("wrap", "error", "message"),
    [
        (lambda s: {"model": s, "epoch": 3}, TypeError, r"is it state_dict\['model'\]\?"),
        (lambda s: {"epoch": 3, "state_dict": s}, TypeError, r"is it state_dict\['state_dict'\]\?"),
        (lambda s: {f"module.{k}": v for k, v in s.items()}, ValueError, "which DataParallel puts"),
        (lambda s: {f"_orig_mod.{k}": v for k, v in s.items()}, ValueError, "which torch.compile"),
        (lambda s: list(s), TypeError, "must be names and tensors, got list"),
        (lambda s: nn.Linear(1, 1), TypeError, r"got a Linear: pass its state_dict\(\)"),
    ],
)
def test_wrapped_checkpoints(wrap, error, message, state):
    model = RECIPES["faster_rcnn"].model(3)
    with pytest.raises(error, match=message):
        load_torchvision_state_dict(model, wrap(state))

"""Faster R-CNN on ResNet-50 with a pyramid, 800 x 1333. Goal: no slower than torchvision's with
the same weights, and no larger in memory.

    python -m benchmarks models      time of inference and of a training step, frozen batch norms
    python -m benchmarks.models      the peak memory of both, each in a process of its own

The weights are random, but their statistics are sensible: 1000 proposals, 100 detections."""

import resource
import subprocess
import sys
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from benchmarks.inputs import image_like
from benchmarks.measure import Work
from edudet.models.published.two_stage import fasterrcnn_resnet50_fpn

SIZE = (800, 1333)
TASKS = ("inference", "training step")


def works(device: str, peer) -> Iterator[Work]:
    if not peer:
        return
    theirs = torchvision_model().to(device)
    ours = our_model(theirs).to(device)
    for task in TASKS:
        contestants = {
            "edudet": step(ours, task, device), "torchvision": step(theirs, task, device)
        }  # fmt: skip
        threads = torch.get_num_threads()
        yield Work("Faster R-CNN R50 FPN", f"{task}, 800 x 1333", contestants, 1.0, threads)


def step(model: nn.Module, task: str, device: str) -> Callable[[], object]:
    images, targets = photo(device)

    def infer() -> object:
        model.eval()
        with torch.inference_mode():
            return model(images)

    def train() -> object:
        model.train()
        model.zero_grad()
        losses = model(images, targets)
        sum(losses.values()).backward()
        return losses

    return infer if task == "inference" else train


def photo(device: str) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
    """An image of smooth noise, and 10 objects on it."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, 25, 42, generator=generator)
    image = nn.functional.interpolate(coarse, SIZE, mode="bicubic").clamp(0, 1)[0]
    boxes = image_like(10, device=device)[0]
    labels = torch.randint(1, 91, (10,), generator=generator).to(device)
    return [image.to(device)], [{"boxes": boxes, "labels": labels}]


@torch.no_grad()
def torchvision_model() -> nn.Module:
    """Theirs, with frozen statistics as in the published files."""
    from torchvision.models.detection import FasterRCNN
    from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
    from torchvision.ops import FrozenBatchNorm2d

    torch.manual_seed(0)
    backbone = resnet_fpn_backbone(
        backbone_name="resnet50", weights=None, norm_layer=FrozenBatchNorm2d, trainable_layers=3
    )
    model = FasterRCNN(backbone, 91).eval()
    images, _ = photo("cpu")
    for layer in model.modules():
        if isinstance(layer, FrozenBatchNorm2d):
            layer.register_forward_pre_hook(_take_statistics)
    model.rpn.head.cls_logits.weight *= 20
    model.roi_heads.box_predictor.cls_score.weight *= 20
    model(images)
    for layer in model.modules():
        layer._forward_pre_hooks.clear()
        if isinstance(layer, FrozenBatchNorm2d):
            layer.eps = 0.0
    return model


def _take_statistics(norm: nn.Module, inputs: tuple[Tensor]) -> None:
    norm.running_mean = inputs[0].mean((0, 2, 3))
    norm.running_var = inputs[0].var((0, 2, 3))


def our_model(theirs: nn.Module) -> nn.Module:
    return fasterrcnn_resnet50_fpn(weights=theirs.state_dict()).eval()


def measure_alone(who: str, task: str) -> None:
    """In a process of its own: print the peak memory in MB before and after three calls."""
    model = torchvision_model()
    if who == "edudet":
        model = our_model(model)
    run = step(model, task, "cpu")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    for _ in range(3):
        run()
    print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)


def main() -> None:
    print("| task | who | MB before | peak MB |")
    print("|---|---|--:|--:|")
    for task in TASKS:
        for who in ("edudet", "torchvision"):
            command = [sys.executable, "-m", "benchmarks.models", who, task]
            text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            before, peak = map(float, text.split())
            print(f"| {task} | {who} | {before:.0f} | {peak:.0f} |", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        measure_alone(*sys.argv[1:])
    else:
        main()

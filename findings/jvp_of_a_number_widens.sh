#!/usr/bin/env bash
# Forward-mode differentiation in torch 2.13.0: the tangent of a float32 tensor without axes that meets
# a Python float is float64, though the value itself stays float32. One axis, or a whole number, and
# the tangent stays float32; the rest of a chain stays wide. Whoever asserts that a derivative has the
# dtype of what was differentiated, or sums tangents in place, stumbles over it.
#
# Seen while one loop form of an operator (which indexes tensors down to single numbers) was compared
# with its vectorised form under torch.func.jvp. Needs the network, a minute, 1 GB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q torch==2.13.0 numpy
"$folder/venv/bin/python" - <<'PYTHON'
import torch

print("torch", torch.__version__)
x = torch.tensor([2.0, 3.0])
SEEN = {
    "x[0] * 2.0": (lambda x: x[0] * 2.0, torch.float64),
    "x[0] + 1.0": (lambda x: x[0] + 1.0, torch.float64),
    "x[0] / 1.0": (lambda x: x[0] / 1.0, torch.float64),
    "x[0] * 2.0 * x[1]": (lambda x: x[0] * 2.0 * x[1], torch.float64),
    "x[0] * 2": (lambda x: x[0] * 2, torch.float32),
    "x[0] * x[1]": (lambda x: x[0] * x[1], torch.float32),
    "x[:1] * 2.0": (lambda x: x[:1] * 2.0, torch.float32),
}
for name, (function, expected) in SEEN.items():
    value, tangent = torch.func.jvp(function, (x,), (torch.ones(2),))
    print(f"{name:20} value {value.dtype}, tangent {tangent.dtype}")
    assert value.dtype == torch.float32, "the value is no longer float32"
    assert tangent.dtype == expected, f"the tangent was {expected}"
    (gradient,) = torch.autograd.grad(function(x := x.requires_grad_()).sum(), x)
    assert gradient.dtype == torch.float32, "reverse mode is no longer float32"
    x = x.detach()
print("as seen: reverse mode keeps float32, forward mode does not")
PYTHON

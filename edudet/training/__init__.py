"""One plain loop that every model shares; checkpoints, curves, several processes, evaluation."""

from edudet.training.evaluate import evaluate
from edudet.training.loop import train
from edudet.training.run import load_trained
from edudet.training.schedule import rate_at

__all__ = ["evaluate", "load_trained", "rate_at", "train"]

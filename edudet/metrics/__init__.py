"""How good the answers are: counted, drawn as curves, and averaged."""

from edudet.metrics.proposal_recall import average_recall, proposal_recall

__all__ = ["average_recall", "proposal_recall"]

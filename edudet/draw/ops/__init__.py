"""Figures of operators: draw/ops/nms.py draws edudet/ops/nms.py."""

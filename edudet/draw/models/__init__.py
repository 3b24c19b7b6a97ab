"""Figures of models: draw/models/rcnn.py draws what the paper of models/*/rcnn.py does."""

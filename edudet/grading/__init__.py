"""The grader. The broker is trusted and never runs a line of a submission; the worker is not."""

"""The operators beside their peers, measured in one run: `make bench`, or `python -m benchmarks`."""

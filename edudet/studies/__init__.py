"""Studies: several detectors, or one in several variants, measured side by side in one run.

    ladder       from the sliding window to Faster R-CNN: where do the seconds go?
    ablations    one part is taken away or changed: what was it good for? (run by comparison.py)
    zoo          all models, trained with several seeds: how good, and how fast?
"""

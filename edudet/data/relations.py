"""Relations between objects, from their boxes: what a sentence about the image would say.

    "left of"   A ends where B begins or before, and beside it: at least half of the lower one's
                height lies at the height of the other
    "on"        A's lower edge is at B's upper one, at most 2 pixels off, and A's middle is above B
    "inside"    A's box lies within B's, and A is nearer than B

"Right of", "under" and "around" are the same triples read backwards. A group annotated as one has
no relations: it is not one thing.
"""

import numpy as np

from edudet.data.sprites import Array

RELATIONS = ("left of", "on", "inside")
TOUCH = 2  # pixels


def find_relations(boxes: Array, iscrowd: Array) -> Array:
    """Return every relation that holds.

    Args:
        boxes: (N, 4) xyxy, from the farthest object to the nearest.
        iscrowd: (N,) bool.

    Returns:
        (R, 3) int64: subject, index into RELATIONS, object; by relation, subject, object.
    """
    x1, y1, x2, y2 = boxes.T
    a, b = np.s_[:, None], np.s_[None, :]                                # subject, object
    heights = y2 - y1
    beside = np.minimum(y2[a], y2[b]) - np.maximum(y1[a], y1[b])
    left_of = (x2[a] <= x1[b]) & (beside >= np.minimum(heights[a], heights[b]) / 2)
    middle = (x1 + x2)[a] / 2
    on = (np.abs(y2[a] - y1[b]) <= TOUCH) & (x1[b] <= middle) & (middle <= x2[b])
    within = (x1[a] >= x1[b]) & (y1[a] >= y1[b]) & (x2[a] <= x2[b]) & (y2[a] <= y2[b])
    order = np.arange(len(boxes))
    inside = within & (order[a] > order[b])
    single = ~iscrowd[a] & ~iscrowd[b] & (order[a] != order[b])
    relation, subject, other = np.nonzero(np.stack([left_of, on, inside]) & single)
    return np.stack([subject, relation, other], 1)

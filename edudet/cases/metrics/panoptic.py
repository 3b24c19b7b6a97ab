"""Worked examples of panoptic quality: images of (true map, its segments, map, its segments), each
segment {id: (category, is crowd)} -> PQ, SQ, RQ."""

import math

from edudet.cases.case import Case

PERSON, ROAD = 1, 7

# Every map is one row of pixels; id 0 is void.
CASES = [
    Case("exact", ([([3, 3, 4], {3: (PERSON, 0), 4: (ROAD, 0)},
                     [9, 9, 5], {9: (PERSON, 0), 5: (ROAD, 0)})],), (1.0, 1.0, 1.0),
         "ids need not agree, classes do"),
    Case("two thirds", ([([1, 1, 1, 2, 2, 2], {1: (PERSON, 0), 2: (ROAD, 0)},
                          [1, 1, 2, 2, 2, 2], {1: (PERSON, 0), 2: (ROAD, 0)})],),
         (17 / 24, 17 / 24, 1.0), "(2/3 + 3/4) / 2"),
    Case("exactly half", ([([1, 1, 1, 1], {1: (PERSON, 0)}, [1, 1, 0, 0], {1: (PERSON, 0)})],),
         (0.0, 0.0, 0.0), "only more than 1/2 matches"),
    Case("found, missed, invented",
         ([([1, 1, 1, 2, 2, 3, 3, 3], {1: (PERSON, 0), 2: (PERSON, 0), 3: (ROAD, 0)},
            [1, 1, 1, 3, 3, 3, 3, 4], {1: (PERSON, 0), 3: (ROAD, 0), 4: (PERSON, 0)})],),
         (0.25, 0.5, 0.25),
         "person: IoU 1 / (1 + 1/2 + 1/2); road: 2 of 5 is no match: FP and FN"),
    Case("wrong class", ([([1, 1], {1: (PERSON, 0)}, [1, 1], {1: (ROAD, 0)})],), (0.0, 0.0, 0.0)),
    Case("void is in no union", ([([1, 1, 0], {1: (PERSON, 0)}, [1, 1, 1], {1: (PERSON, 0)})],),
         (1.0, 1.0, 1.0), "2 / (2 + 3 - 2 - 1)"),
    Case("a match thanks to void", ([([1, 0, 0, 2], {1: (PERSON, 0), 2: (ROAD, 0)},
                                      [1, 1, 1, 2], {1: (PERSON, 0), 2: (ROAD, 0)})],),
         (1.0, 1.0, 1.0), "1/3 with void in the union"),
    Case("mostly in void", ([([1, 1, 0, 0], {1: (PERSON, 0)},
                              [1, 2, 2, 2], {1: (PERSON, 0), 2: (ROAD, 0)})],), (0.0, 0.0, 0.0),
         "road is no false positive: 2 of 3 void; person: 1/2"),
    Case("wholly in void", ([([1, 1, 0, 0], {1: (PERSON, 0)},
                              [1, 1, 2, 2], {1: (PERSON, 0), 2: (PERSON, 0)})],),
         (1.0, 1.0, 1.0)),
    Case("half in void", ([([1, 1, 1, 0], {1: (PERSON, 0)},
                            [1, 1, 2, 2], {1: (PERSON, 0), 2: (PERSON, 0)})],),
         (4 / 9, 2 / 3, 2 / 3), "half is not more than half: FP; 2/3 / (1 + 1/2)"),
    Case("predicted void misses", ([([1, 1, 2, 2], {1: (PERSON, 0), 2: (PERSON, 0)},
                                     [1, 1, 0, 0], {1: (PERSON, 0)})],),
         (2 / 3, 1.0, 2 / 3), "void in the prediction excuses nothing"),
    Case("a crowd", ([([1, 1, 2, 2, 2], {1: (PERSON, 0), 2: (PERSON, 1)},
                       [1, 1, 2, 2, 3], {1: (PERSON, 0), 2: (PERSON, 0), 3: (PERSON, 0)})],),
         (1.0, 1.0, 1.0), "neither missed nor matched; its people are no false positives"),
    Case("a crowd missed", ([([1, 1, 2, 2], {1: (PERSON, 0), 2: (PERSON, 1)},
                              [1, 1, 0, 0], {1: (PERSON, 0)})],), (1.0, 1.0, 1.0)),
    Case("a crowd of others", ([([1, 1, 2, 2], {1: (PERSON, 0), 2: (PERSON, 1)},
                                 [1, 1, 2, 2], {1: (PERSON, 0), 2: (ROAD, 0)})],),
         (0.5, 0.5, 0.5), "road in a crowd of persons is a false positive"),
    Case("a crowd is in the union", ([([1, 1, 2], {1: (PERSON, 0), 2: (PERSON, 1)},
                                       [1, 1, 1], {1: (PERSON, 0)})],), (2 / 3, 2 / 3, 1.0)),
    Case("means over classes",
         ([([1, 2, 3, 4], {1: (PERSON, 0), 2: (PERSON, 0), 3: (PERSON, 0), 4: (ROAD, 0)},
            [1, 2, 3, 0], {1: (PERSON, 0), 2: (PERSON, 0), 3: (PERSON, 0)})],),
         (0.5, 0.5, 0.5), "1 and 0; not 3 of 3.5 segments"),
    Case("means are not multiplied", ([([1, 1, 1, 4], {1: (PERSON, 0), 4: (ROAD, 0)},
                                        [1, 1, 0, 0], {1: (PERSON, 0)})],),
         (1 / 3, 1 / 3, 0.5), "PQ 2/3 and 0; SQ * RQ of the means would be 1/6"),
    Case("images are pooled", ([([1, 2], {1: (PERSON, 0), 2: (PERSON, 0)},
                                 [1, 2], {1: (PERSON, 0), 2: (PERSON, 0)}),
                                ([1], {1: (PERSON, 0)}, [0], {})],),
         (0.8, 1.0, 0.8), "2 / (2 + 1/2), not the mean of 1 and 0"),
    Case("no images", ([],), (math.nan,) * 3, "0/0: no class at all"),
    Case("only void", ([([0, 0], {}, [1, 1], {1: (PERSON, 0)})],), (math.nan,) * 3),
]


def _ratio(part, whole):
    return part / whole if whole else 0.0


def _rules(images, *, matches=lambda iou: iou > 0.5, void_in_union=False, void_excuses=True,
           crowds=True, classes=True, found=lambda tp, fp, fn: tp + fp / 2 + fn / 2,
           pooled_classes=False, multiplied=False):
    tallies: dict = {}

    def tally(category):
        return tallies.setdefault(0 if pooled_classes else category, [0.0, 0, 0, 0])

    for gt_map, gt_segments, segment_map, segments in images:
        gt_left, left = set(gt_segments), set(segments)
        pixels = list(zip(gt_map, segment_map, strict=True))
        for g, (gt_category, crowd) in gt_segments.items():
            for p, (category, _) in segments.items():
                if (classes and gt_category != category) or (crowd and crowds):
                    continue
                both = sum(pair == (g, p) for pair in pixels)
                union = sum(i == g or j == p for i, j in pixels)
                if not void_in_union:
                    union -= sum(pair == (0, p) for pair in pixels)
                if both and matches(both / union):
                    tally(gt_category)[0] += both / union
                    tally(gt_category)[1] += 1
                    gt_left.discard(g)
                    left.discard(p)
        for g in gt_left:
            category, crowd = gt_segments[g]
            if not (crowd and crowds):
                tally(category)[3] += 1
        for p in left:
            excused = {0} if void_excuses else set()
            if crowds:
                excused |= {g for g, about in gt_segments.items() if about == (segments[p][0], 1)}
            area = sum(j == p for _, j in pixels)
            if 2 * sum(j == p and i in excused for i, j in pixels) <= area:
                tally(segments[p][0])[2] += 1
    scores = [
        (_ratio(iou, found(tp, fp, fn)), _ratio(iou, tp), _ratio(tp, found(tp, fp, fn)))
        for iou, tp, fp, fn in tallies.values()
    ]
    means = [math.nan] * 3
    if scores:
        means = [sum(column) / len(scores) for column in zip(*scores, strict=True)]
    return (means[1] * means[2], *means[1:]) if multiplied else tuple(means)


def _mean_over_images(images):
    scores = [score for score in (_rules([image]) for image in images) if score[0] == score[0]]
    if not scores:
        return (math.nan,) * 3
    return tuple(sum(column) / len(column) for column in zip(*scores, strict=True))


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "IoU of exactly 1/2 is no match": lambda images: _rules(images, matches=lambda x: x >= 0.5),
    "any overlap counts as a match": lambda images: _rules(images, matches=lambda x: x > 0),
    "void pixels belong to no union": lambda images: _rules(images, void_in_union=True),
    "what lies in void is no false positive": lambda images: _rules(images, void_excuses=False),
    "a crowd is neither matched nor missed": lambda images: _rules(images, crowds=False),
    "segments of different classes are matched": lambda images: _rules(images, classes=False),
    "false ones count half, as in F1": lambda images: _rules(
        images, found=lambda tp, fp, fn: tp + fp + fn
    ),
    "false positives are forgotten": lambda images: _rules(
        images, found=lambda tp, fp, fn: tp + fn / 2
    ),
    "missed segments are forgotten": lambda images: _rules(
        images, found=lambda tp, fp, fn: tp + fp / 2
    ),
    "all segments are pooled; the mean is over classes": lambda images: _rules(
        images, pooled_classes=True
    ),
    "the mean PQ is not mean SQ times mean RQ": lambda images: _rules(images, multiplied=True),
    "the mean over images; counts are pooled": _mean_over_images,
}

"""Worked examples of focal losses: logits, targets, alpha, gamma -> the loss of every element."""

import math

from edudet.cases.case import Case

NINE_TENTHS = 2.1972246170043945  # log 9: its sigmoid is .9, that of -log 9 is .1

# alpha = -1: both answers weigh 1.
CASES = [
    Case("easy positive", ([NINE_TENTHS], [1.0], -1, 2), [0.00105361], ".1^2 * .105361"),
    Case("hard positive", ([-NINE_TENTHS], [1.0], -1, 2), [1.865094], ".9^2 * 2.302585"),
    Case("easy negative", ([-NINE_TENTHS], [0.0], -1, 2), [0.00105361], "p = .1, so p_t = .9"),
    Case("hard negative", ([NINE_TENTHS], [0.0], -1, 2), [1.865094]),
    Case("gamma 0 is cross-entropy", ([NINE_TENTHS, -NINE_TENTHS], [1.0, 1.0], -1, 0),
         [0.10536052, 2.3025851]),
    Case("gamma 1", ([NINE_TENTHS], [1.0], -1, 1), [0.010536052]),
    Case("undecided", ([0.0, 0.0], [1.0, 0.0], -1, 2), [0.17328680, 0.17328680], "log(2) / 4"),
    Case("alpha weighs yes and no", ([0.0, 0.0], [1.0, 0.0], 0.25, 2),
         [0.04332170, 0.12996510], "1/4 and 3/4 of log(2) / 4: the no weighs more"),
    Case("very sure and right", ([1e4, -1e4], [1.0, 0.0], 0.25, 2), [0.0, 0.0]),
    Case("very sure and wrong", ([-1e4, 1e4], [1.0, 0.0], 0.25, 2), [2500.0, 7500.0],
         "a logit of 10 000 costs 10 000, not infinity"),
    Case("half a yes", ([NINE_TENTHS], [0.5], -1, 2), [0.30099326],
         "p_t = (.9 + .1) / 2; (.105361 + 2.302585) / 2 / 4"),
    Case("nothing", ([], [], 0.25, 2), []),
]

# (probability of the right answer, how many), easy and hard; gamma -> sum of easy over sum of hard
IMBALANCE = [
    Case("cross-entropy", ((0.9, 10_000), (0.1, 10), 0), 45.757),
    Case("focal loss", ((0.9, 10_000), (0.1, 10), 2), 0.565),
]

PRIORS = [
    Case("one in a hundred", (0.01,), -4.595120, "log(.01 / .99)"),
    Case("half", (0.5,), 0.0),
    Case("nine tenths", (0.9,), 2.197225),
]

# logits (N, C), classes (N,), weights of the classes or None, gamma -> losses (N,)
CASES_OF_SOFTMAX = [
    Case("two classes", ([[NINE_TENTHS, 0.0]], [0], None, 2), [0.00105361], "as with one logit"),
    Case("the wrong one", ([[NINE_TENTHS, 0.0]], [1], None, 2), [1.865094]),
    Case("cross-entropy", ([[0.0, 0.0, 0.0]], [2], None, 0), [1.0986123], "log 3"),
    Case("of three", ([[0.0, 0.0, 0.0]], [2], None, 2), [0.48827213], "(2/3)^2 log 3"),
    Case("weights", ([[0.0, 0.0], [0.0, 0.0]], [0, 1], [0.25, 1.0], 0),
         [0.17328680, 0.69314718]),
    Case("a shift changes nothing", ([[1e4, 1e4]], [0], None, 0), [0.69314718]),
    Case("very sure and wrong", ([[1e4, 0.0]], [1], None, 2), [1e4]),
    Case("nothing", ([], [], None, 2), []),
]

# logits, class -> gradient of cross-entropy by the logits: softmax(z) - onehot
GRADIENTS = [
    Case("by the logits", ([1.0, 2.0, 0.5], 1), [0.23122390, -0.37146780, 0.14024388],
         "exp(z) / sum = .231224 .628532 .140244; 1 is taken from the right one"),
    Case("of four, all alike", ([0.0] * 4, 0), [-0.75, 0.25, 0.25, 0.25]),
]

# probability of the right class -> gradient of cross-entropy by that probability
GRADIENTS_BY_PROBABILITY = [
    Case("by p itself", (0.7,), -1.428571, "-1 / p, not p - 1 = -.3, which is the one by z"),
]


def _sigmoid(z):
    return 1 / (1 + math.exp(-z)) if z > -500 else 0.0


def _log(p):
    return math.log(p) if p > 0 else -math.inf


def _each(formula):
    return lambda inputs, targets, alpha, gamma: [
        formula(z, y, alpha, gamma) for z, y in zip(inputs, targets, strict=True)
    ]


def _loss(z, y, alpha, gamma, *, weight=None, power=None, sign=-1):
    p_t = y * _sigmoid(z) + (1 - y) * _sigmoid(-z)
    cross_entropy = y * math.log1p(math.exp(-abs(z))) + y * max(-z, 0)
    cross_entropy += (1 - y) * (math.log1p(math.exp(-abs(z))) + max(z, 0))
    alpha_t = 1 if alpha == -1 else alpha * y + (1 - alpha) * (1 - y)
    alpha_t = alpha_t if weight is None else weight(y, alpha)
    power = power or (lambda p_t, gamma: (1 - p_t) ** gamma)
    return -sign * alpha_t * power(p_t, gamma) * cross_entropy


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "plain cross-entropy: gamma does nothing": _each(
        lambda z, y, a, g: _loss(z, y, a, g, power=lambda p, g: 1)
    ),
    "p_t^gamma turns down the hard ones, not the easy ones": _each(
        lambda z, y, a, g: _loss(z, y, a, g, power=lambda p, g: p**g)
    ),
    "a negative is weighed by alpha, not by 1 - alpha": _each(
        lambda z, y, a, g: _loss(z, y, a, g, weight=lambda y, a: 1 if a == -1 else a)
    ),
    "alpha and 1 - alpha are exchanged": _each(
        lambda z, y, a, g: _loss(
            z, y, a, g, weight=lambda y, a: 1 if a == -1 else a * (1 - y) + (1 - a) * y
        )
    ),
    "alpha = -1 is taken as a weight": _each(
        lambda z, y, a, g: _loss(z, y, a, g, weight=lambda y, a: a * y + (1 - a) * (1 - y))
    ),
    "p of the positive class is used where p_t is meant": _each(
        lambda z, y, a, g: _loss(z, y, a, g, power=lambda p, g: (1 - _sigmoid(z)) ** g)
    ),
    "the sign is missing: log p is negative": _each(
        lambda z, y, a, g: _loss(z, y, a, g, sign=1)
    ),
    "log(sigmoid(z)) in two steps is log(0) for a very wrong answer": _each(
        lambda z, y, a, g: (
            -(1 if a == -1 else a * y + (1 - a) * (1 - y))
            * (1 - y * _sigmoid(z) - (1 - y) * _sigmoid(-z)) ** g
            * ((y * _log(_sigmoid(z)) if y else 0) + ((1 - y) * _log(_sigmoid(-z)) if y < 1 else 0))
        )
    ),
    "the sigmoid is missing: inputs are logits": _each(
        lambda z, y, a, g: -((1 - z) ** g) * _log(z) if y == 1 else -(z**g) * _log(1 - z)
    ),
}


def _softmax(z, temperature=1.0):
    powers = [math.exp((x - max(z)) / temperature) for x in z]
    return [power / sum(powers) for power in powers]


# logits, class: of GRADIENTS.
MISTAKES_OF_GRADIENTS = {
    "the gradient by p, -1 / p_y: by the logits it is softmax - onehot": lambda z, y: [
        -1 / p if c == y else 0.0 for c, p in enumerate(_softmax(z))
    ],
    "onehot - softmax: the sign is turned, and the loss rises": lambda z, y: [
        (c == y) - p for c, p in enumerate(_softmax(z))
    ],
    "softmax alone, nothing is taken from the right class": lambda z, y: _softmax(z),
}

# probability of the right class: of GRADIENTS_BY_PROBABILITY.
MISTAKES_BY_PROBABILITY = {
    "p - 1 is the gradient by the logit; by p it is -1 / p": lambda p: p - 1,
    "the sign is turned": lambda p: 1 / p,
}

"""What an exercise is, in which order they come, what they share, and when an answer is right.

    exercise    an exercise and its tests
    units       the exercises in the order of the course, and how they are found
    material    small inputs that several exercises share, and how to draw them
    judge       is an answer right, and if not: where is the first difference?
"""

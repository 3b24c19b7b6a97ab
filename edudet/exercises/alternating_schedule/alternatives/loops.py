import torch


def alternating_schedule(step, first_fixed, saved):
    backbone, rpn, heads = 0, 1, 2
    start = torch.zeros(3)
    trained = torch.zeros(3, dtype=torch.bool)
    start[backbone] = saved[0 if step <= 2 else 2, backbone]
    trained[backbone] = step == 2 or (step == 1 and not first_fixed)
    if step in (1, 3):
        start[rpn] = saved[1 if step == 3 and first_fixed else 0, rpn]
        trained[rpn] = True
        return start, trained, 0
    start[heads] = saved[0 if step == 2 else 2, heads]
    trained[heads] = True
    return start, trained, step - 1


def train_alternately(first_fixed, new, change):
    saved = torch.zeros(5, 3)
    saved[0] = new
    for step in range(1, 5):
        start, trained, _ = alternating_schedule(step, first_fixed, saved[:step])
        saved[step] = saved[step - 1]
        for part in range(3):
            if trained[part]:
                saved[step, part] = start[part] + change[step - 1, part]
    return saved

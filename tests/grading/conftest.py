import pytest

from edudet.course import units
from edudet.grading import sandbox
from edudet.grading.session import Worker


@pytest.fixture(scope="session")
def walls():
    """The kind of sandbox that this machine has."""
    try:
        return sandbox.best()
    except sandbox.NoSandbox as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def worker(walls):
    with Worker(walls, sandbox.make_world([])) as one:
        yield one


@pytest.fixture
def box_iou():
    return units.load("box_iou")


@pytest.fixture
def nms():
    return units.load("nms")

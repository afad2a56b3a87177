"""When Python looks for garbage, and when it does not."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from weakref import ref

import pytest

from martian_moments.infrastructure.garbage import no_collections


class Cycle:
    """Garbage as soon as nobody else knows it, and only a collection finds it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def unfrozen() -> Iterator[None]:
    gc.collect()
    yield
    gc.unfreeze()


def test_no_garbage_is_looked_for_inside_the_block_and_what_is_there_at_its_end_stays() -> None:
    with no_collections():
        assert not gc.isenabled()
        stays = ref(Cycle())
    assert gc.isenabled()
    later = ref(Cycle())
    gc.collect()
    assert stays() is not None
    assert later() is None


def test_garbage_is_looked_for_again_after_an_error() -> None:
    @no_collections()
    def fail() -> None:
        raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            fail()
        assert gc.isenabled()

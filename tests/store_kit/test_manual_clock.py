"""Time that moves when told to."""

from datetime import timedelta
from typing import Any

import pytest

from maitred.store.client import Store
from maitred.store.errors import StepFailed
from maitred.store.manual_clock import START_MS, ManualClock

SECOND = timedelta(seconds=1)


class Bench:
    """A manual clock and what it fired, as (tenant, name, ms since the start)."""

    def __init__(self, store: Store) -> None:
        self.fired: list[tuple[str, str, int]] = []
        self.clock = ManualClock(store, "fire_timers", on_result=self._note)

    def _note(self, tenant: str, answer: list[Any]) -> None:
        for note in answer[2:]:
            name, _, at = note.decode().partition("@")
            self.fired.append((tenant, name, int(at) - START_MS))


@pytest.fixture
def bench(manual: Store) -> Bench:
    return Bench(manual)


async def test_time_begins_in_2030_and_moves_for_every_tenant(bench: Bench, manual: Store) -> None:
    assert await bench.clock.get() == START_MS
    assert await bench.clock.advance(5 * SECOND) == (START_MS + 5000, None)
    assert await bench.clock.get() == START_MS + 5000
    assert (await manual.run("tell_time", "acme"))[1] == START_MS + 5000


async def test_each_timer_is_fired_at_its_own_due_time_in_order(bench: Bench, manual: Store) -> None:
    await manual.ensure_tenant("other")
    for tenant, name, after in (("acme", "c", 3000), ("acme", "a", 1000), ("other", "b", 2000), ("acme", "d", 9000)):
        await manual.run("set_timer", tenant, name, after)
    assert await bench.clock.advance(5 * SECOND) == (START_MS + 5000, START_MS + 9000)
    assert bench.fired == [("acme", "a", 1000), ("other", "b", 2000), ("acme", "c", 3000)]


async def test_a_timer_set_by_a_timer_is_fired_on_the_way(bench: Bench, manual: Store) -> None:
    await manual.run("set_timer", "acme", "hourly", 60_000)
    _, next_due = await bench.clock.advance(timedelta(hours=3))
    assert [at for _, _, at in bench.fired] == [60_000, 3_660_000, 7_260_000]
    assert next_due == START_MS + 10_860_000


async def test_advancing_by_zero_fires_what_is_due_now(bench: Bench, manual: Store) -> None:
    await manual.run("set_timer", "acme", "now", 0)
    await manual.run("set_timer", "acme", "soon", 1)
    assert await bench.clock.advance(0 * SECOND) == (START_MS, START_MS + 1)
    assert bench.fired == [("acme", "now", 0)]


async def test_an_overdue_timer_does_not_move_time_back(bench: Bench, manual: Store) -> None:
    await bench.clock.advance(SECOND)
    await manual.run("set_timer", "acme", "late", -500)
    assert (await bench.clock.advance(0 * SECOND)).now == START_MS + 1000
    assert (await manual.run("tell_time", "acme"))[1] == START_MS + 1000


async def test_a_tenant_that_joins_later_has_everyones_time(bench: Bench, manual: Store) -> None:
    await bench.clock.advance(SECOND)
    await manual.ensure_tenant("late")
    assert (await manual.run("tell_time", "late"))[1] == START_MS + 1000


async def test_time_cannot_be_moved_back(bench: Bench) -> None:
    with pytest.raises(ValueError, match="back"):
        await bench.clock.advance(-SECOND)


async def test_a_due_timer_left_where_it_was_is_a_bug_and_no_endless_loop(bench: Bench, manual: Store) -> None:
    await manual.run("set_timer", "acme", "stuck", 1000)
    with pytest.raises(StepFailed, match="stuck of acme"):
        await bench.clock.advance(2 * SECOND)

"""The shared Lua library, on one server and on a cluster of one node."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from maitred.store.client import Clock, Store
from maitred.store.errors import StepFailed
from maitred.store.manual_clock import START_MS, ManualClock

from .conftest import OpenStore

MINUTE = timedelta(minutes=1)

Anywhere = Callable[[Clock], Awaitable[Store]]


async def test_the_real_clock_is_the_servers_in_whole_ms(anywhere: Anywhere) -> None:
    store = await anywhere("real")
    before = await store.time()
    _, now, raw = await store.run("tell_time", "acme")
    assert before <= raw <= await store.time()
    assert now == raw // 1000


async def test_the_manual_clock_begins_in_2030_and_leaves_the_servers_time_alone(anywhere: Anywhere) -> None:
    store = await anywhere("manual")
    before = await store.time()
    _, now, raw = await store.run("tell_time", "acme")
    assert now == START_MS
    assert raw >= before


async def test_a_repeat_gets_the_first_answer(anywhere: Anywhere) -> None:
    store = await anywhere("real")
    assert await store.run("answer_once", "acme", "agent", "r1", "print") == [b"OK", b"1"]
    assert await store.run("answer_once", "acme", "agent", "r1", "print") == [b"REPEATED", b"1"]
    assert await store.run("answer_once", "acme", "agent", "r2", "print") == [b"OK", b"2"]


async def test_an_id_is_its_scopes_own_and_its_tenants(anywhere: Anywhere) -> None:
    store = await anywhere("real")
    assert await store.run("answer_once", "acme", "agent", "r1", "print") == [b"OK", b"1"]
    assert await store.run("answer_once", "acme", "contact", "r1", "print") == [b"OK", b"2"]
    assert await store.run("answer_once", "other", "agent", "r1", "print") == [b"OK", b"1"]


async def test_an_id_reused_for_something_else_is_told_so(anywhere: Anywhere) -> None:
    store = await anywhere("real")
    await store.run("answer_once", "acme", "agent", "r1", "print")
    assert await store.run("answer_once", "acme", "agent", "r1", "other print") == [b"REUSED"]


async def test_an_empty_id_is_not_remembered(anywhere: Anywhere) -> None:
    store = await anywhere("real")
    assert await store.run("answer_once", "acme", "agent", "", "print") == [b"OK", b"1"]
    assert await store.run("answer_once", "acme", "agent", "", "print") == [b"OK", b"2"]


async def test_a_repeat_is_known_for_ten_minutes_of_the_steps_own_clock(anywhere: Anywhere) -> None:
    store = await anywhere("manual")
    clock = ManualClock(store, "fire_timers", on_result=lambda *_: None)
    await store.ensure_tenant("acme")
    await store.run("answer_once", "acme", "agent", "r1", "print")
    await clock.advance(10 * MINUTE - timedelta(milliseconds=1))
    assert await store.run("answer_once", "acme", "agent", "r1", "print") == [b"REPEATED", b"1"]
    await clock.advance(timedelta(milliseconds=1))
    assert await store.run("answer_once", "acme", "agent", "r1", "print") == [b"OK", b"2"]


async def test_what_is_remembered_is_garbage_after_twenty_minutes(anywhere: Anywhere) -> None:
    store = await anywhere("real")
    await store.run("answer_once", "acme", "agent", "r1", "print")
    left = await store.redis.pttl(store.prefix("acme") + "request:agent:r1")
    assert 19 * 60_000 < left <= 20 * 60_000


async def test_revisions_follow_the_servers_clock_and_never_stand_still(anywhere: Anywhere) -> None:
    store = await anywhere("real")
    before = await store.time()
    answers = await asyncio.gather(*(store.run("change", "acme", n) for n in range(200)))
    revisions = [answer[1] for answer in answers]
    assert revisions == sorted(set(revisions))
    assert before <= revisions[0]
    assert [answer[2] for answer in answers] == [0, *revisions[:-1]]


async def test_revisions_rise_by_one_when_the_last_is_ahead_of_the_clock(anywhere: Anywhere) -> None:
    store = await anywhere("real")
    ahead = await store.time() + 3600 * 1_000_000
    await store.redis.set(store.prefix("acme") + "revision", ahead)
    assert await store.run("change", "acme", "x") == [b"OK", ahead + 1, ahead]
    assert await store.run("change", "acme", "x") == [b"OK", ahead + 2, ahead + 1]


async def test_timers_are_kept_by_due_time_and_taken_out_once(anywhere: Anywhere) -> None:
    store = await anywhere("real")
    _, due = await store.run("set_timer", "acme", "ring", 60_000)
    assert await store.redis.zscore(store.prefix("acme") + "timers", "ring") == due
    assert await store.run("set_timer", "acme", "ring", "") == [b"CANCELLED", 1]
    assert await store.run("set_timer", "acme", "ring", "") == [b"CANCELLED", 0]


async def test_a_late_step_fires_each_timer_at_its_own_due_time(anywhere: Anywhere) -> None:
    store = await anywhere("real")
    dues = {}
    for name, after in (("later", 1), ("sooner", -5)):
        _, dues[name] = await store.run("set_timer", "acme", name, after)
    await asyncio.sleep(0.005)
    _, count, *notes = await store.run("fire_timers", "acme", 10)
    assert count == 2
    assert notes == [b"sooner@%d" % dues["sooner"], b"later@%d" % dues["later"]]


async def test_a_cluster_refuses_a_step_that_touches_another_tenant(cluster_url: str, open_store: OpenStore) -> None:
    store = await open_store(cluster_url)
    with pytest.raises(StepFailed, match="slot"):
        await store.run("write_elsewhere", "acme", "other")


async def test_steps_of_many_tenants_travel_together(anywhere: Anywhere) -> None:
    store = await anywhere("real")
    tenants = [f"tenant-{n}" for n in range(50)]
    answers = await asyncio.gather(*(store.run("echo", tenant, tenant) for tenant in tenants))
    assert [answer[1].decode() for answer in answers] == tenants

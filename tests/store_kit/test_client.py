"""Running steps: each once, each caller its own answer, and the right word for what went wrong."""

import asyncio
import os
import signal
from datetime import timedelta

import pytest
from redis._parsers import BaseParser
from redis.exceptions import ConnectionError as ConnectionLost

from maitred.store import batch
from maitred.store.client import Store
from maitred.store.embedded import EmbeddedStore
from maitred.store.errors import StepFailed, StoreBusy, StoreFull, StoreUnavailable
from maitred.store.failures import translated

from .conftest import OpenStore

SECOND = timedelta(seconds=1)


async def runs(store: Store) -> int:
    return int(await store.redis.get(store.prefix("acme") + "runs") or 0)


async def test_every_caller_gets_its_own_answer(store: Store) -> None:
    texts = [f"text {n}" for n in range(1000)]
    answers = await asyncio.gather(*(store.run("echo", "acme", text) for text in texts))
    assert answers == [[b"OK", text.encode(), b"{acme}:kit:"] for text in texts]


async def test_calls_of_one_turn_run_in_the_order_they_were_made(store: Store) -> None:
    answers = await asyncio.gather(*(store.run("count", "acme") for _ in range(300)))
    assert [answer[1] for answer in answers] == list(range(1, 301))


async def test_one_failing_step_does_not_touch_the_others_of_its_batch(store: Store) -> None:
    calls = (store.run("count", "acme"), store.run("break_off", "acme", "step"), store.run("count", "acme"))
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert (ends[0], ends[2]) == ([b"OK", 1], [b"OK", 2])
    assert isinstance(ends[1], StepFailed)


async def test_steps_that_the_server_lost_are_loaded_again_and_run_once(store: Store) -> None:
    await store.run("count", "acme")
    await store.redis.function_flush()
    await asyncio.gather(*(store.run("count", "acme") for _ in range(5)), store.run("echo", "acme", "x"))
    assert await runs(store) == 6


async def test_a_frozen_store_runs_the_step_once(store_server: EmbeddedStore, open_store: OpenStore) -> None:
    impatient = await open_store(call_timeout=SECOND / 2)
    patient = await open_store(call_timeout=10 * SECOND)
    await asyncio.gather(impatient.run("count", "acme"), patient.run("count", "acme"))
    os.kill(store_server.pid, signal.SIGSTOP)
    try:
        calls = [asyncio.create_task(store.run("count", "acme")) for store in (impatient, patient)]
        await asyncio.sleep(2)
        assert isinstance(calls[0].exception(), StoreUnavailable)
        assert not calls[1].done()
    finally:
        os.kill(store_server.pid, signal.SIGCONT)
    assert (await calls[1])[0] == b"OK"
    assert await runs(patient) == 4, "two before, and one of each"
    assert await impatient.run("count", "acme") == [b"OK", 5]


async def test_a_call_that_waited_too_long_is_never_sent(store_server: EmbeddedStore, open_store: OpenStore) -> None:
    store = await open_store(call_timeout=SECOND / 20)
    await store.run("count", "acme")
    os.kill(store_server.pid, signal.SIGSTOP)
    try:
        calls = [asyncio.create_task(store.run("count", "acme")) for _ in range(batch.BATCH + 1)]
        ends = await asyncio.gather(*calls, return_exceptions=True)
    finally:
        os.kill(store_server.pid, signal.SIGCONT)
    assert all(isinstance(end, StoreUnavailable) for end in ends)
    assert await runs(store) == 1 + batch.BATCH


async def test_a_cancelled_caller_leaves_the_others_their_answers(store: Store) -> None:
    calls = [asyncio.create_task(store.run("echo", "acme", n)) for n in range(50)]
    await asyncio.sleep(0)
    calls[7].cancel()
    await asyncio.sleep(0)
    calls[8].cancel()
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert [n for n, end in enumerate(ends) if isinstance(end, asyncio.CancelledError)] == [7, 8]
    assert all(end[1] == b"%d" % n for n, end in enumerate(ends) if isinstance(end, list))


async def test_a_call_cancelled_before_it_is_sent_does_not_run(store: Store) -> None:
    call = asyncio.create_task(store.run("count", "acme"))
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait([call])
    await store.run("echo", "acme", "after it")
    assert await runs(store) == 0


async def test_more_calls_than_may_wait_are_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "WAITING", 10)
    ends = await asyncio.gather(*(store.run("count", "acme") for _ in range(15)), return_exceptions=True)
    assert [type(end) for end in ends] == [list] * 10 + [StoreBusy] * 5


async def test_a_full_store_refuses_what_grows_and_allows_what_ends(store: Store) -> None:
    await store.run("count", "acme")
    await store.redis.config_set("maxmemory", 1)
    with pytest.raises(StoreFull):
        await store.run("count", "acme")
    assert await store.run("release", "acme") == [b"OK", 1]


async def test_a_store_that_is_away_is_unavailable_at_once_and_found_again(open_store: OpenStore) -> None:
    server = EmbeddedStore(server=os.environ.get("REDIS_SERVER") or None)
    await server.start_async()
    store = await open_store(server.url)
    await store.run("count", "acme")
    await server.stop_async()
    with pytest.raises(StoreUnavailable):
        await store.run("count", "acme")


async def test_an_idle_connection_that_was_closed_is_replaced_without_an_error(store: Store) -> None:
    await store.run("count", "acme")
    await store.redis.client_kill_filter(_type="normal", skipme=False)
    await asyncio.sleep(0.02)
    assert await store.run("count", "acme") == [b"OK", 2]


async def test_a_closed_store_is_unavailable_also_for_those_who_wait(store: Store, store_server: EmbeddedStore) -> None:
    await store.run("echo", "acme", "connected")
    os.kill(store_server.pid, signal.SIGSTOP)
    try:
        call = asyncio.create_task(store.run("count", "acme"))
        await asyncio.sleep(0.01)
        await store.aclose()
        with pytest.raises(StoreUnavailable):
            await call
        with pytest.raises(StoreUnavailable):
            await store.run("count", "acme")
    finally:
        os.kill(store_server.pid, signal.SIGCONT)


async def test_a_call_made_just_before_closing_is_answered_too(store: Store) -> None:
    call = asyncio.create_task(store.run("count", "acme"))
    await asyncio.sleep(0)
    await store.aclose()
    with pytest.raises(StoreUnavailable):
        await call


async def test_an_argument_that_cannot_be_sent_fails_alone(store: Store) -> None:
    calls = [store.run("count", "acme"), store.run("echo", "acme", True), store.run("echo", "acme", "\ud800")]
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(end) for end in ends] == [list, TypeError, UnicodeEncodeError]


async def test_arguments_arrive_as_they_were_given(store: Store) -> None:
    for given, got in (("häh", "häh".encode()), (b"\x00\r\n", b"\x00\r\n"), (-(2**70), b"%d" % -(2**70))):
        assert (await store.run("echo", "acme", given))[1] == got


async def test_each_caller_gets_an_error_of_its_own_that_names_the_step(open_store: OpenStore) -> None:
    store = await open_store("redis://127.0.0.1:1")
    ends = await asyncio.gather(store.run("count", "acme"), store.run("echo", "acme", "x"), return_exceptions=True)
    assert ends[0] is not ends[1]
    assert [str(end).partition(":")[0] for end in ends] == ["count", "echo"]


async def test_a_primary_that_became_a_replica_is_unavailable_until_it_is_one_again(store: Store) -> None:
    await store.run("count", "acme")
    await store.redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        with pytest.raises(StoreUnavailable):
            await store.run("count", "acme")
    finally:
        await store.redis.execute_command("REPLICAOF", "NO", "ONE")
    assert await store.run("count", "acme") == [b"OK", 2]


async def test_a_cluster_that_does_not_answer_is_unavailable_and_found_again(
    cluster_server: EmbeddedStore, cluster_url: str, open_store: OpenStore
) -> None:
    store = await open_store(cluster_url, call_timeout=SECOND / 5)
    await store.run("count", "acme")
    os.kill(cluster_server.pid, signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnavailable):
            await store.run("count", "acme")
    finally:
        os.kill(cluster_server.pid, signal.SIGCONT)
    assert await store.run("count", "acme") == [b"OK", 3]


@pytest.mark.parametrize("url", ["sentinel://127.0.0.1:1", "nonsense"])
async def test_an_address_of_another_kind_is_refused(open_store: OpenStore, url: str) -> None:
    with pytest.raises(ValueError, match="scheme"):
        await open_store(url)


@pytest.mark.parametrize("word", ["READONLY", "LOADING", "CLUSTERDOWN", "MASTERDOWN", "MISCONF", "BUSY"])
async def test_a_server_that_is_not_ready_is_unavailable(word: str) -> None:
    error: Exception = BaseParser.parse_error(f"{word} some words")  # type: ignore[no-untyped-call]
    with pytest.raises(StoreUnavailable), translated():
        raise error


async def test_plain_reads_outside_steps_are_translated_too(open_store: OpenStore) -> None:
    store = await open_store("redis://127.0.0.1:1")
    with pytest.raises(StoreUnavailable) as raised:
        await store.time()
    assert isinstance(raised.value.__cause__, ConnectionLost)


async def test_the_servers_time_is_in_microseconds(store: Store) -> None:
    before = await store.time()
    _, _, inside = await store.run("tell_time", "acme")
    assert before <= inside <= await store.time()

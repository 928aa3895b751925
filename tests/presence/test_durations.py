"""How long agents were what, and how often what happened to them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maitred.v1 import presence_service_pb2 as v1
from presence_service.domain import IDLE, ChannelGroup, EventType, JournalEntry, StatusKind
from presence_service.durations import DAY_MS, Day, Window, days_of
from tests.presence.conftest import OpenDesk
from tests.presence.desk import MAIL_TASKS, MESSAGING, VOICE, Desk, failure_of, refused
from tests.presence.reports import (
    START,
    at,
    counts,
    day,
    days,
    groups,
    minutes,
    never_idle,
    report,
    spans,
    statuses,
)
from tests.rules import rule


@rule("R208")
async def test_the_spans_of_a_day_follow_each_other_without_gap_or_overlap(desk: Desk) -> None:
    """Scenario S175."""
    await desk.add_status("training", "Training")
    await desk.log_in("ann")
    await desk.advance(minutes=5)
    await desk.choose("ann", "training")
    await desk.is_active("ann")
    await desk.advance(minutes=17)
    await desk.come_back("ann", away_status_id="break")
    await desk.advance(minutes=3)
    told = await day(desk)
    assert spans(told) == [("Work", 0, 5), ("Training", 5, 15), ("IDLE", 15, 22), ("Work", 22, 25)]
    active, away = v1.Status.KIND_ACTIVE, v1.Status.KIND_AWAY
    assert [span.kind for span in told.spans] == [active, active, away, active]
    assert [span.HasField("status") for span in told.spans] == [True, True, False, True]


@rule("R206")
async def test_logged_in_is_active_and_away_together(desk: Desk) -> None:
    await never_idle(desk)
    await desk.log_in("ann")
    await desk.advance(minutes=50)
    await desk.go_away("ann")
    await desk.advance(seconds=0.001)
    await desk.come_back("ann")
    await desk.advance(minutes=20)
    await desk.go_away("ann", "break")
    await desk.advance(minutes=5)
    await desk.log_out("ann")
    await desk.advance(minutes=60)
    told = await day(desk)
    assert told.active.ToMilliseconds() == 70 * 60_000
    assert told.away.ToMilliseconds() == 5 * 60_000 + 1
    assert told.logged_in.ToMilliseconds() == 75 * 60_000 + 1
    assert (told.end_time.ToDatetime(START.tzinfo)) == at(minutes=135, ms=1)


@rule("R207")
async def test_the_utilised_share_is_active_of_logged_in(desk: Desk) -> None:
    await never_idle(desk)
    await desk.log_in("ann")
    await desk.advance(minutes=30)
    await desk.go_away("ann")
    await desk.advance(minutes=10)
    assert (await day(desk)).utilised_share == 0.75


@rule("R206")
async def test_who_is_still_logged_in_counts_until_now(desk: Desk) -> None:
    await never_idle(desk)
    await desk.log_in("ann")
    for passed in (0, 10, 20):
        told = await day(desk)
        assert minutes(told.logged_in) == minutes(told.active) == passed
        assert told.end_time.ToDatetime(START.tzinfo) == at(minutes=passed)
        await desk.advance(minutes=10)


@rule("L97", "R25", "R206")
async def test_the_hours_in_each_status_are_there_by_name(desk: Desk) -> None:
    """Two hours of Training and five of Work."""
    await never_idle(desk)
    await desk.add_status("training", "Training")
    await desk.log_in("ann")
    for status_id, hours in (("training", 1), ("work", 5), ("training", 1)):
        await desk.choose("ann", status_id)
        await desk.advance(minutes=hours * 60)
    assert statuses(await day(desk)) == {"Training": 120, "Work": 300}


@rule("R33")
async def test_past_time_is_told_by_the_present_name_of_a_status(desk: Desk) -> None:
    await never_idle(desk)
    await desk.log_in("ann")
    await desk.go_away("ann", "lunch")
    await desk.advance(minutes=30)
    await desk.come_back("ann")
    await desk.rename_status("lunch", "Midday")
    told = await day(desk)
    assert statuses(told) == {"Midday": 30}
    assert [span.label for span in told.spans] == ["Midday"]


@rule("R34")
async def test_a_removed_status_keeps_its_time_and_its_last_name(desk: Desk) -> None:
    """The second half of scenario S28."""
    await never_idle(desk)
    await desk.add_status("training", "Training")
    await desk.log_in("ann")
    await desk.choose("ann", "training")
    await desk.advance(minutes=30)
    await desk.remove_status("training")
    await desk.advance(minutes=30)
    assert statuses(await day(desk)) == {"Training": 60}


@rule("R209")
async def test_counts_are_of_what_happened_the_default_set_on_return_not_among_them(desk: Desk) -> None:
    """Scenario S176."""
    await desk.add_status("training", "Training")
    await desk.log_in("ann")
    await desk.choose("ann", "training")
    await desk.choose("ann", "work")
    await desk.advance(minutes=10)
    await desk.come_back("ann", away_status_id="break")
    await desk.is_active("ann")
    await desk.advance(minutes=90)
    assert counts(await day(desk)) == {
        "logged_in": 1,
        "active_status_changed": 2,
        "went_away": 2,
        "went_away_idle": 2,
        "returned": 1,
        "logged_out": 1,
        "logged_out_idle": 1,
    }


@rule("R209")
async def test_what_people_do_and_the_end_of_a_session_are_not_counted_as_idle(desk: Desk) -> None:
    await desk.log_in("ann", session=timedelta(seconds=10))
    await desk.go_away("ann")
    await desk.go_away("ann", "break")
    await desk.advance(minutes=1)
    assert counts(await day(desk)) == {"logged_in": 1, "went_away": 1, "logged_out": 1}


@rule("R42")
async def test_an_idle_away_that_ends_in_a_log_out_reads_idle(desk: Desk) -> None:
    await desk.log_in("ann")
    await desk.advance(minutes=120)
    assert spans(await day(desk)) == [("Work", 0, 10), ("IDLE", 10, 90)]


@rule("R210")
async def test_a_group_is_available_while_on_and_effective_while_work_could_come(desk: Desk) -> None:
    await never_idle(desk)
    await desk.log_in("ann")
    await desk.switch("ann", VOICE, MESSAGING)
    await desk.advance(minutes=1)
    await desk.enter_focus("ann")
    await desk.advance(minutes=2)
    await desk.leave_focus("ann")
    await desk.go_away("ann")
    await desk.advance(minutes=4)
    await desk.come_back("ann")
    await desk.switch("ann", VOICE, MAIL_TASKS)
    await desk.advance(minutes=8)
    await desk.open_settings("ann")
    await desk.advance(minutes=16)
    await desk.log_out("ann")
    await desk.advance(minutes=32)
    told = await day(desk)
    assert groups(told.available) == {VOICE: 31, MESSAGING: 7, MAIL_TASKS: 24}
    assert groups(told.effective) == {VOICE: 9, MESSAGING: 1, MAIL_TASKS: 8}


@rule("R49", "R66", "R210")
async def test_time_in_focus_and_on_the_settings_page_is_told_apart(desk: Desk) -> None:
    await never_idle(desk)
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    await desk.enter_focus("ann")
    await desk.advance(minutes=2)
    await desk.open_settings("ann")
    await desk.advance(minutes=3)
    await desk.leave_focus("ann")
    await desk.advance(minutes=4)
    await desk.leave_settings("ann")
    await desk.advance(minutes=5)
    told = await day(desk)
    assert (minutes(told.in_focus), minutes(told.in_settings)) == (5, 7)
    assert minutes(told.active) == 14


@rule("R208")
async def test_switching_channels_and_focus_do_not_break_a_span(desk: Desk) -> None:
    await never_idle(desk)
    await desk.log_in("ann")
    await desk.advance(minutes=1)
    await desk.switch("ann", VOICE)
    await desk.advance(minutes=1)
    await desk.enter_focus("ann")
    await desk.choose("ann", "work")
    await desk.advance(minutes=1)
    assert spans(await day(desk)) == [("Work", 0, 3)]


@rule("R208")
async def test_a_log_in_again_begins_another_span_of_the_same_status(desk: Desk) -> None:
    await never_idle(desk)
    await desk.log_in("ann")
    await desk.advance(minutes=1)
    await desk.log_out("ann")
    await desk.log_in("ann")
    await desk.switch("ann", VOICE)
    await desk.advance(minutes=2)
    assert spans(await day(desk)) == [("Work", 0, 1), ("Work", 1, 3)]


@rule("R208")
async def test_an_away_of_no_length_still_parts_the_spans_around_it(desk: Desk) -> None:
    await never_idle(desk)
    await desk.log_in("ann")
    await desk.advance(minutes=1)
    await desk.go_away("ann")
    await desk.come_back("ann")
    await desk.advance(minutes=2)
    told = await day(desk)
    assert spans(told) == [("Work", 0, 1), ("Work", 1, 3)]
    assert counts(told) == {"logged_in": 1, "went_away": 1, "returned": 1}


@rule("R208")
async def test_another_reason_of_an_away_is_another_span(desk: Desk) -> None:
    await never_idle(desk)
    await desk.log_in("ann")
    await desk.go_away("ann", "break")
    await desk.advance(minutes=1)
    await desk.go_away("ann", "lunch")
    await desk.advance(minutes=2)
    assert spans(await day(desk)) == [("Break", 0, 1), ("Lunch", 1, 3)]


async def test_a_span_is_split_at_each_midnight(desk: Desk) -> None:
    await never_idle(desk)
    await desk.advance(minutes=22 * 60)
    await desk.log_in("ann")
    await desk.advance(minutes=(24 + 4) * 60)
    told = await days(desk)
    assert [spans(each) for each in told] == [
        [("Work", 22 * 60, 24 * 60)],
        [("Work", 24 * 60, 48 * 60)],
        [("Work", 48 * 60, 50 * 60)],
    ]
    assert [counts(each) for each in told] == [{"logged_in": 1}, {}, {}]
    begins = [each.start_time.ToDatetime(START.tzinfo) for each in told]
    assert begins == [at(hours=0), at(hours=24), at(hours=48)]
    ends = [each.end_time.ToDatetime(START.tzinfo) for each in told]
    assert ends == [at(hours=24), at(hours=48), at(hours=50)]


async def test_days_begin_at_midnight_where_the_caller_is(desk: Desk) -> None:
    await never_idle(desk)
    await desk.log_in("ann")
    await desk.advance(minutes=24 * 60)
    await desk.log_out("ann")
    for offset, parts in (
        (timedelta(hours=9), [15, 9]),
        (timedelta(hours=-5, minutes=-30), [5.5, 18.5]),
        (timedelta(hours=14), [10, 14]),
    ):
        told = await days(desk, offset=offset)
        assert [minutes(each.logged_in) / 60 for each in told] == parts
        assert [counts(each) for each in told] == [{"logged_in": 1}, {"logged_out": 1}]


async def test_a_report_ends_and_begins_within_a_day(desk: Desk) -> None:
    await never_idle(desk)
    await desk.log_in("ann")
    await desk.advance(minutes=60)
    await desk.go_away("ann")
    await desk.advance(minutes=60)
    await desk.log_out("ann")
    told = await day(desk, start=at(minutes=30), end=at(minutes=120))
    assert spans(told) == [("Work", 30, 60), ("Lunch", 60, 120)]
    # An event counts where its time is: neither the log-in before nor the log-out at the end.
    assert counts(told) == {"went_away": 1}
    assert (told.start_time.ToDatetime(START.tzinfo), told.end_time.ToDatetime(START.tzinfo)) == (
        at(minutes=30),
        at(minutes=120),
    )


async def test_there_is_no_day_without_anything_to_say_of_it(desk: Desk) -> None:
    await never_idle(desk)
    await desk.log_in("ann")
    await desk.log_out("ann")
    await desk.advance(minutes=3 * 24 * 60)
    await desk.log_in("ann")
    told = await days(desk)
    assert [each.start_time.ToDatetime(START.tzinfo) for each in told] == [at(hours=0), at(hours=72)]
    assert [counts(each) for each in told] == [{"logged_in": 1, "logged_out": 1}, {"logged_in": 1}]
    assert not await days(desk, start=at(hours=24), end=at(hours=72))


async def test_what_has_not_happened_yet_is_not_reported(desk: Desk) -> None:
    await desk.log_in("ann")
    assert not await days(desk, start=at(minutes=1), end=at(hours=1))


async def test_a_month_is_kept_and_no_more(desk: Desk) -> None:
    await never_idle(desk)
    await desk.log_in("ann")
    await desk.advance(minutes=31 * 24 * 60)
    assert len(await days(desk)) == 31
    await desk.advance(seconds=0.001)
    with refused("CURSOR_GONE"):
        await days(desk)
    assert len(await days(desk, start=at(ms=1), end=at(hours=1))) == 1


async def test_a_month_is_kept_of_an_agent_who_does_much(desk: Desk) -> None:
    await never_idle(desk)
    await desk.log_in("ann")
    for _ in range(33):
        await desk.go_away("ann")
        await desk.come_back("ann")
        await desk.advance(minutes=24 * 60)
    told = await days(desk, start=at(hours=2 * 24), end=at(hours=33 * 24))
    assert [counts(each) for each in told] == [{"went_away": 1, "returned": 1}] * 31
    assert all(minutes(each.logged_in) == 24 * 60 for each in told)


async def test_a_report_on_all_agents_comes_in_pages(desk: Desk) -> None:
    for agent_id in ("cat", "ann", "eve", "bob", "dan"):
        await desk.log_in(agent_id)
    page = await report(desk, size=2)
    told = [[each.agent_id for each in page.days]]
    while page.next_page_token:
        page = await report(desk, size=2, token=page.next_page_token)
        told.append([each.agent_id for each in page.days])
    assert told == [["ann", "bob"], ["cat", "dan"], ["eve"]]


async def test_a_report_on_named_agents_is_in_order_of_their_ids_and_comes_in_pages(desk: Desk) -> None:
    for agent_id in ("ann", "bob", "cat", "dan"):
        await desk.log_in(agent_id)
    page = await report(desk, "dan", "ann", "bob", size=2)
    assert [each.agent_id for each in page.days] == ["ann", "bob"]
    page = await report(desk, "dan", "ann", "bob", size=2, token=page.next_page_token)
    assert [each.agent_id for each in page.days] == ["dan"]
    assert not page.next_page_token


async def test_a_page_of_very_many_spans_is_cut_short(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("presence_service.history.SPANS", 2)
    monkeypatch.setattr("presence_service.history.AT_ONCE", 2)
    for number in range(5):
        await desk.log_in(f"a{number}")
    await desk.advance(minutes=1)
    page = await report(desk)
    assert ([each.agent_id for each in page.days], page.next_page_token) == (["a0", "a1"], "a1")
    page = await report(desk, "a4", "a1", "a3", "a2", token="a1")
    assert ([each.agent_id for each in page.days], page.next_page_token) == (["a2", "a3"], "a3")
    page = await report(desk, token="a3")
    assert ([each.agent_id for each in page.days], page.next_page_token) == (["a4"], "")


async def test_an_agent_that_nobody_knows_is_refused(desk: Desk) -> None:
    await desk.log_in("ann")
    failure = await failure_of(report(desk, "ann", "nobody"))
    assert (failure.reason, failure.metadata) == ("AGENT_UNKNOWN", {"agent_id": "nobody"})


async def test_each_tenant_has_its_own_report(desk: Desk, open_desk: OpenDesk) -> None:
    await desk.log_in("ann")
    assert not (await report(open_desk(tenant="other"))).days


async def test_an_agent_gets_no_report(open_desk: OpenDesk) -> None:
    with refused("ACTOR_NOT_ALLOWED"):
        await report(open_desk(actor="agent/ann"))


def test_a_clock_that_was_set_back_makes_no_time_count_twice() -> None:
    begin = replace(IN, time_ms=100)
    away = replace(begin, time_ms=50, events=[EventType.WENT_AWAY], kind=StatusKind.AWAY, status_id="lunch")
    back = replace(begin, time_ms=120, events=[EventType.RETURNED_FROM_AWAY])
    (told,) = days_of([begin, away, back], Window(start_ms=0, end_ms=1000, offset_ms=0), now_ms=110)
    assert [(span.status_id, span.start_ms, span.end_ms) for span in told.spans] == [("lunch", 100, 110)]


@dataclass
class Naive:
    """An agent's days looked up piece by piece: between two times at which anything may change nothing does."""

    entries: Sequence[JournalEntry]
    window: Window
    now_ms: int

    def pieces(self, number: int) -> list[tuple[JournalEntry, int]]:
        """How the agent was in the pieces of a day in which it was logged in, and how long each was."""
        begin = max(self.window.start_ms, number * DAY_MS - self.window.offset_ms)
        end = min(self.window.end_ms, (number + 1) * DAY_MS - self.window.offset_ms, self.now_ms)
        cuts = sorted({begin, end, *(entry.time_ms for entry in self.entries)})
        found = []
        for start, stop in pairwise(cuts):
            if begin <= start < end:
                so_far = [entry for entry in self.entries if entry.time_ms <= start]
                if so_far and so_far[-1].kind is not None:
                    found.append((so_far[-1], stop - start))
        return found

    def counts(self, number: int) -> Counter[EventType]:
        return Counter(
            event
            for entry in self.entries
            if self.window.start_ms <= entry.time_ms < self.window.end_ms
            and (entry.time_ms + self.window.offset_ms) // DAY_MS == number
            for event in entry.events
        )


EPOCH = 20_000 * DAY_MS
HOUR = 3_600_000
TIMES = st.sampled_from([0, 0, 1, 999, HOUR, 7 * HOUR, 23 * HOUR, DAY_MS, 3 * DAY_MS])


OUT = JournalEntry(
    time_ms=EPOCH,
    events=[],
    kind=None,
    status_id=None,
    toggles=(),
    in_focus=False,
    in_settings=False,
    initiator="",
)
IN = replace(OUT, events=[EventType.LOGGED_IN], kind=StatusKind.ACTIVE, status_id="work")


@st.composite
def journals(draw: st.DrawFn) -> list[JournalEntry]:
    """What could have happened to an agent: log-ins, statuses, channels and Focus in any order that is allowed."""
    entries = [OUT]
    for _ in range(draw(st.integers(0, 10))):
        before = entries[-1]
        after = IN if before.kind is None else draw(st.sampled_from(moves(before)))
        time_ms = before.time_ms + draw(TIMES)
        entries.append(replace(after, time_ms=time_ms, initiator=draw(st.sampled_from(["", IDLE]))))
    return entries[1:]


def moves(now: JournalEntry) -> list[JournalEntry]:
    """How an agent who is logged in may be next."""
    found = [replace(OUT, events=[EventType.LOGGED_OUT])]
    event = EventType.SETTINGS_LEFT if now.in_settings else EventType.SETTINGS_OPENED
    found.append(replace(now, events=[event], in_settings=not now.in_settings))
    for toggles in ((), (ChannelGroup.VOICE,), tuple(ChannelGroup)):
        found.append(replace(now, events=[EventType.AVAILABILITY_UPDATED], toggles=toggles))
    if now.kind is StatusKind.AWAY:
        found.append(replace(now, events=[EventType.RETURNED_FROM_AWAY], kind=StatusKind.ACTIVE, status_id="work"))
        return found
    for reason in (None, "lunch"):
        away = replace(now, events=[EventType.WENT_AWAY], kind=StatusKind.AWAY, status_id=reason, in_focus=False)
        found.append(away)
    event = EventType.FOCUS_EXITED if now.in_focus else EventType.FOCUS_ENTERED
    found.append(replace(now, events=[event], in_focus=not now.in_focus))
    status_id = "training" if now.status_id == "work" else "work"
    found.append(replace(now, events=[EventType.ACTIVE_STATUS_CHANGED], status_id=status_id))
    return found


@rule("R206", "R208", "R209", "R210")
@settings(max_examples=100, deadline=None)
@given(
    entries=journals(),
    start=TIMES,
    length=st.sampled_from([1, HOUR, DAY_MS, 31 * DAY_MS]),
    later=TIMES,
    offset=st.sampled_from([0, 9 * HOUR, -5 * HOUR - HOUR // 2, 14 * HOUR, -14 * HOUR]),
)
def test_whatever_happens_the_figures_are_those_of_the_pieces(
    entries: list[JournalEntry], start: int, length: int, later: int, offset: int
) -> None:
    window = Window(start_ms=EPOCH + start, end_ms=EPOCH + start + length, offset_ms=offset)
    now_ms = (entries[-1].time_ms if entries else EPOCH) + later
    naive = Naive(entries, window, now_ms)
    told = {window.day_of(each.start_ms): each for each in days_of(entries, window, now_ms=now_ms)}
    first, last = window.day_of(window.start_ms), window.day_of(window.end_ms - 1)
    assert list(told) == [number for number in range(first, last + 1) if naive.pieces(number) or naive.counts(number)]
    for number, each in told.items():
        check_day(each, naive.pieces(number))
        assert each.counts == naive.counts(number)


def check_day(day: Day, pieces: Sequence[tuple[JournalEntry, int]]) -> None:
    def total(holds: object) -> int:
        assert callable(holds)
        return sum(length for entry, length in pieces if holds(entry))

    assert day.logged_in_ms == total(lambda entry: True)
    for kind in StatusKind:
        assert day.kind_ms(kind) == total(lambda entry, kind=kind: entry.kind is kind)
    assert day.in_focus_ms == total(lambda entry: entry.in_focus)
    assert day.in_settings_ms == total(lambda entry: entry.in_settings)
    for group in ChannelGroup:
        assert day.available_ms[group] == total(lambda entry, group=group: group in entry.toggles)
        assert day.effective_ms[group] == total(
            lambda entry, group=group: (
                group in entry.toggles
                and entry.kind is StatusKind.ACTIVE
                and not entry.in_focus
                and not entry.in_settings
            )
        )
    used = dict.fromkeys((entry.kind, entry.status_id) for entry, _ in pieces if entry.kind is not None)
    assert list(day.statuses_ms) == list(used)
    for key in used:
        assert day.statuses_ms[key] == total(lambda entry, key=key: (entry.kind, entry.status_id) == key)
    assert all(day.start_ms <= span.start_ms < span.end_ms <= day.end_ms for span in day.spans)
    assert all(one.end_ms <= other.start_ms for one, other in pairwise(day.spans))

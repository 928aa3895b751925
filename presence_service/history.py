"""Looking back: what happened to agents, and how long they were what. A page at a time.

Answers for how much one call reads, and for letting other calls to the store pass between.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from presence_service.domain import AgentEvent, EventFilter, EventPage, Place
from presence_service.durations import Day, ReportPage, ReportQuery, days_of
from presence_service.errors import CursorGone
from presence_service.store.store import PresenceStore

# Steps that one call makes in search of events: some 5,000 changes.
STEPS = 25

# How far back reports reach; journals do a day longer, so that who asked in time can read all pages.
REPORTS_AGE = timedelta(days=31)
READING_ON = timedelta(hours=1)

# Journals read at once: a month of one, 2,000 entries, is a millisecond of the store's time and twenty of ours.
AT_ONCE = 4

# A page is cut short with this many spans: some 300 kB, and 50 ms to encode.
SPANS = 5_000


async def list_events(
    store: PresenceStore, tenant: str, wanted: EventFilter, *, after: Place | None, size: int
) -> EventPage:
    """Returns the wanted events behind a place (R226). Raises CursorGone."""
    found: list[AgentEvent] = []
    for _ in range(STEPS):
        # One more than fits says whether there is a page after this one.
        part = await store.read_events(tenant, wanted, after=after, most=size - len(found) + 1)
        found += part.events
        if len(found) > size:
            return EventPage(events=found[:size], next_after=found[size - 1].place)
        after = part.next_after
        if after is None:
            break
    return EventPage(events=found, next_after=after)


async def report_durations(store: PresenceStore, tenant: str, query: ReportQuery) -> ReportPage:
    """Returns the days of agents (R206-R210). Raises AgentUnknown, CursorGone."""
    age = REPORTS_AGE + (READING_ON if query.after else timedelta(0))
    if query.window.start_ms < await store.now_ms(tenant) - age // timedelta(milliseconds=1):
        raise CursorGone
    agent_ids, has_more = await _agents(store, tenant, query)
    found: list[tuple[str, Sequence[Day]]] = []
    spans = 0
    for at in range(0, len(agent_ids), AT_ONCE):
        if spans >= SPANS:
            has_more = True
            break
        some = agent_ids[at : at + AT_ONCE]
        reports = await asyncio.gather(*(_days(store, tenant, agent_id, query) for agent_id in some))
        found += zip(some, reports, strict=True)
        spans += sum(len(day.spans) for days in reports for day in days)
    return ReportPage(agents=found, next_after=found[-1][0] if has_more else "")


async def _agents(store: PresenceStore, tenant: str, query: ReportQuery) -> tuple[Sequence[str], bool]:
    """Returns the ids of a page at most, and whether there are more behind them."""
    if query.agent_ids:
        behind = sorted(agent_id for agent_id in query.agent_ids if agent_id > query.after)
        return behind[: query.size], len(behind) > query.size
    page = await store.list_agents(tenant, after=query.after, limit=query.size)
    return [agent.agent_id for agent in page.agents], bool(page.next_after)


async def _days(store: PresenceStore, tenant: str, agent_id: str, query: ReportQuery) -> Sequence[Day]:
    now_ms, entries = await store.read_journal(tenant, agent_id, from_ms=query.window.start_ms)
    return days_of(entries, query.window, now_ms=now_ms)

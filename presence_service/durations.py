"""How long an agent was what, day by day: computed from its journal, exact to the millisecond (R206-R210).

An entry of a journal says how the agent was from its time on until the next entry; the last one counts until now.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from presence_service.domain import IDLE, ChannelGroup, EventType, JournalEntry, StatusKind

DAY_MS = 24 * 60 * 60 * 1000

# What gives an agent a status, and so begins a span even where the status is the same as before (R208).
_BEGINS = {
    EventType.LOGGED_IN,
    EventType.WENT_AWAY,
    EventType.AWAY_REASON_CHANGED,
    EventType.RETURNED_FROM_AWAY,
    EventType.ACTIVE_STATUS_CHANGED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What is reported on; times in ms, the end not in it. Days begin so much ahead of UTC."""

    start_ms: int
    end_ms: int
    offset_ms: int

    def day_of(self, ms: int) -> int:
        """Returns the number of the day that a time is on."""
        return (ms + self.offset_ms) // DAY_MS

    def begin_of(self, day: int) -> int:
        """Returns when a day begins."""
        return day * DAY_MS - self.offset_ms

    def split(self, start_ms: int, end_ms: int) -> Iterator[tuple[int, int, int]]:
        """Yields the days of a time, each with where the time begins and ends on it."""
        while start_ms < end_ms:
            day = self.day_of(start_ms)
            stop_ms = min(end_ms, self.begin_of(day + 1))
            yield day, start_ms, stop_ms
            start_ms = stop_ms


@dataclass(slots=True, kw_only=True)
class Span:
    """An unbroken time in one status (R208)."""

    kind: StatusKind
    # None for an Away without a reason.
    status_id: str | None
    start_ms: int
    end_ms: int


@dataclass(slots=True, kw_only=True)
class Day:
    """What an agent did on a day, as far as the report goes."""

    start_ms: int
    end_ms: int
    in_focus_ms: int = 0
    in_settings_ms: int = 0
    # By channel group: how long it was on, and how long work could be routed on it as far as presence goes (R210).
    available_ms: Counter[ChannelGroup] = field(default_factory=Counter)
    effective_ms: Counter[ChannelGroup] = field(default_factory=Counter)
    # How often what happened, and how often by idling (R209).
    counts: Counter[EventType] = field(default_factory=Counter)
    idle_counts: Counter[EventType] = field(default_factory=Counter)
    spans: list[Span] = field(default_factory=list)

    @property
    def logged_in_ms(self) -> int:
        """Time logged in: Active or Away (R206)."""
        return self.kind_ms(StatusKind.ACTIVE) + self.kind_ms(StatusKind.AWAY)

    def kind_ms(self, kind: StatusKind) -> int:
        """Returns the time Active or Away (R206)."""
        return sum(span.end_ms - span.start_ms for span in self.spans if span.kind is kind)

    @property
    def utilised_share(self) -> float:
        """The active share of the time logged in (R207)."""
        return self.kind_ms(StatusKind.ACTIVE) / self.logged_in_ms if self.logged_in_ms else 0.0

    @property
    def statuses_ms(self) -> Counter[tuple[StatusKind, str | None]]:
        """Time in each status, in order of first use."""
        times: Counter[tuple[StatusKind, str | None]] = Counter()
        for span in self.spans:
            times[span.kind, span.status_id] += span.end_ms - span.start_ms
        return times

    def count(self, entry: JournalEntry) -> None:
        """Counts what happened."""
        self.counts.update(entry.events)
        if entry.initiator == IDLE:
            self.idle_counts.update(entry.events)

    def add(self, entry: JournalEntry, start_ms: int, end_ms: int, *, begins: bool) -> None:
        """Adds a time in which the agent was as the entry says; `begins` a span, or goes on with the last."""
        assert entry.kind is not None
        length = end_ms - start_ms
        last = self.spans[-1] if self.spans else None
        if last is None or begins or (last.kind, last.status_id) != (entry.kind, entry.status_id):
            self.spans.append(Span(kind=entry.kind, status_id=entry.status_id, start_ms=start_ms, end_ms=end_ms))
        else:
            last.end_ms = end_ms
        self.in_focus_ms += entry.in_focus * length
        self.in_settings_ms += entry.in_settings * length
        for group in entry.toggles:
            self.available_ms[group] += length
        for group in entry.effective_toggles:
            self.effective_ms[group] += length


def days_of(entries: Sequence[JournalEntry], window: Window, *, now_ms: int) -> list[Day]:
    """Returns the days of a window on which there is something to say of an agent, in order.

    The entries are those of the window, after the one that counted when it began.
    """
    days: dict[int, Day] = {}

    def day_at(number: int) -> Day:
        if number not in days:
            begin_ms, next_ms = window.begin_of(number), window.begin_of(number + 1)
            end_ms = min(next_ms, window.end_ms, now_ms)
            days[number] = Day(start_ms=max(begin_ms, window.start_ms), end_ms=end_ms)
        return days[number]

    begins = False
    for entry, begin_ms, end_ms in _timed(entries, now_ms):
        begins = begins or not _BEGINS.isdisjoint(entry.events)
        if window.start_ms <= begin_ms < window.end_ms:
            day_at(window.day_of(begin_ms)).count(entry)
        if entry.kind is None:
            continue
        for number, start_ms, stop_ms in window.split(max(begin_ms, window.start_ms), min(end_ms, window.end_ms)):
            day_at(number).add(entry, start_ms, stop_ms, begins=begins)
            begins = False
    return [days[number] for number in sorted(days)]


def _timed(entries: Sequence[JournalEntry], now_ms: int) -> Iterator[tuple[JournalEntry, int, int]]:
    """Yields the entries with when each began and ceased to count; a clock that was set back leaves them in order."""
    begin_ms = 0
    for at, entry in enumerate(entries):
        begin_ms = min(max(begin_ms, entry.time_ms), now_ms)
        next_ms = entries[at + 1].time_ms if at + 1 < len(entries) else now_ms
        yield entry, begin_ms, min(max(begin_ms, next_ms), now_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportQuery:
    """What report is asked for: of which agents (none named: all), behind which id, how many, and when."""

    agent_ids: Sequence[str]
    window: Window
    after: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPage:
    """The days of some agents, by their ids and in order of them."""

    agents: Sequence[tuple[str, Sequence[Day]]]
    # The id to go on after; empty on the last page.
    next_after: str

"""Entries of the log of events as plain values: how lua/lib/events.lua writes them, read back."""

import json
from collections.abc import Mapping
from typing import Any

from router_service.domain import Event, Place

# What a line about a thing holds, by the names under which it is shown. A day of lines of the release before is read
# with these too: a new field goes to the end.
_FIELDS = {
    "contact": (
        *("contact_id", "customer_id", "channel", "inbox_id", "conversation_id", "state", "agent_id"),
        *("queue_time", "due_time", "text", "end_reason", "hold_time", "required_skills"),
        *("direction", "ring_end_time", "connect_time", "hold_reason", "end_time", "automated_time"),
        *("transfer_of_contact_id", "transfer"),
    ),
    "conversation": ("conversation_id", "customer_id", "inbox_id", "agent_id", "state", "create_time", "close_time"),
}
# Fields of records that are shown under other names.
_SHOWN = {"agent": "agent_id", "inbox": "inbox_id", "skills": "required_skills", "ring_end": "ring_end_time"}
_NUMBERS = {
    "queue_time",
    "due_time",
    "hold_time",
    "create_time",
    "close_time",
    "ring_end_time",
    "connect_time",
    "end_time",
    "automated_time",
}

_BEGINNINGS = {"CONTACT_STARTED", "TASK_CREATED", "CONVERSATION_CREATED"}
_OF_CONVERSATIONS = {
    "CONVERSATION_CREATED",
    "CONVERSATION_CLOSED",
    "CONVERSATION_REOPENED",
    "CONVERSATION_ASSIGNEE_UPDATED",
    "CONVERSATION_STATUS_UPDATED",
    "CONVERSATION_INBOX_UPDATED",
    "MESSAGE_SENT",
    "NOTE_CREATED",
}

_State = Mapping[str, Any]


def events(entry_id: str, told: str) -> list[Event]:
    """Return the events of an entry, in order, each with what it is about just before and just after it.

    They are put together from the last one back.
    """
    ms, *lines = told.split("\n")
    said, states = _read(lines)
    found = []
    for number, (initiator, line) in reversed(list(enumerate(said, 1))):
        type_, thing, agent_id, offer_id, why, attributes, *was = line
        kind = "conversation" if type_ in _OF_CONVERSATIONS else "contact"
        after = states[kind, thing]
        before = states[kind, thing] = _as_it_was(after, was)
        found.append(
            Event(
                place=Place(entry_id=entry_id, told=number),
                type=type_,
                time_ms=int(ms),
                initiator=initiator,
                agent_id=agent_id or after.get("agent_id", ""),
                offer_id=offer_id,
                why=why,
                kind=kind,
                before=None if type_ in _BEGINNINGS else before,
                after={**after, "attributes": attributes} if attributes else after,
            )
        )
    return found[::-1]


def _read(lines: list[str]) -> tuple[list[tuple[str, list[str]]], dict[tuple[str, str], _State]]:
    """Return the events with their initiators, and how everything is at the end."""
    said: list[tuple[str, list[str]]] = []
    states: dict[tuple[str, str], _State] = {}
    initiator = ""
    for line in lines:
        first, *values = line.split("\t")
        if first.startswith("@"):
            initiator = first[1:]
        elif first.startswith("#"):
            kind = first[1:]
            # An earlier release wrote fewer fields: new ones go to the end.
            names = zip(_FIELDS[kind], values, strict=False)
            states[kind, values[0]] = {name: _value(name, text) for name, text in names if text}
        else:
            said.append((initiator, [first, *values]))
    return said, states


def _as_it_was(after: _State, was: list[str]) -> _State:
    if not was:
        return after
    before = dict(after)
    for name, text in zip(was[::2], was[1::2], strict=True):
        shown = _SHOWN.get(name, name)
        before.pop(shown, None)
        if text:
            before[shown] = _value(shown, text)
    return before


def _value(name: str, text: str) -> Any:
    if name in _NUMBERS:
        return int(text)
    return json.loads(text) if name == "text" else text

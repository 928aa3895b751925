"""What a well-formed request looks like: one table per service, read by the server before a servicer is called.

Each check also carries examples that violate it, so that one test can send them all and read the fields back. Whether
a well-formed request is *allowed* is not known here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from maitred.rpc.call import IDENTIFIER, IDENTIFIER_FORM
from maitred.rpc.failure import Violation

Spoil = Callable[[Any], None]
Predicate = Callable[[Any], bool]

# What google.protobuf.Duration allows: 10,000 years.
MAX_SECONDS = 315_576_000_000
MAX_NANOS = 999_999_999
# What google.protobuf.Timestamp allows: the years 1 to 9999.
MIN_TIMESTAMP = -62_135_596_800
MAX_TIMESTAMP = 253_402_300_799


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One statement about a request."""

    # The path of the field, for example `task.text`.
    field: str
    # What would be right, to follow the field's name: "must be ...".
    must: str
    # The violations of a message. Their fields are `field`, or an element of it: `agent_ids[3]`.
    violations: Callable[[Message], Iterable[Violation]]
    # Each turns a well-formed message into one that violates this check.
    bad: Sequence[Spoil]


Checks = Mapping[type[Message], Sequence[Check]]


def find_violations(message: Message, checks: Iterable[Check]) -> list[Violation]:
    """Returns all violations of the message, in the order of the checks."""
    found: list[Violation] = []
    for check in checks:
        found += check.violations(message)
    return found


def custom(field: str, *, must: str, holds: Predicate, bad: Sequence[Spoil]) -> Check:
    """Checks something about the whole message, and blames the field if it does not hold."""
    violated = (Violation(field, must),)
    return Check(field=field, must=must, violations=lambda message: () if holds(message) else violated, bad=bad)


def required(field: str, *, when: Predicate | None = None, bad: Sequence[Spoil] = ()) -> Check:
    """The message field is set; with `when`, if that holds of the request, and then `bad` has to make it hold.

    A field inside a message that is not set is not missed.
    """
    present = _presence(field)
    parents = _parents(field)
    return custom(
        field,
        must="must be set",
        holds=lambda message: (when is not None and not when(message)) or not parents(message) or present(message),
        bad=bad or [lambda message: _put(message, field, None)],
    )


def identifier(field: str) -> Check:
    """An id the caller gives."""
    return _value(
        field, IDENTIFIER_FORM, _is_identifier, bad=["", "two words", "ümlaut", "a/b", "newline\n", "x" * 129]
    )


def optional_identifier(field: str) -> Check:
    """An id, or nothing."""
    must = f"{IDENTIFIER_FORM}, or be left out"
    return _value(field, must, lambda value: not value or _is_identifier(value), bad=["two words", "{}", "x" * 129])


def identifiers(field: str, *, at_most: int, at_least: int = 0) -> Check:
    """A list of ids."""
    must = f"must be {at_least} to {at_most} ids"
    get = attrgetter(field)

    def find(message: Message) -> Iterable[Violation]:
        values = get(message)
        if not at_least <= len(values) <= at_most:
            return [Violation(field, must)]
        return [
            Violation(f"{field}[{at}]", IDENTIFIER_FORM) for at, each in enumerate(values) if not _is_identifier(each)
        ]

    bad = [["ok", ""], [f"id{number}" for number in range(at_most + 1)], *([[]] if at_least else [])]
    return Check(field=field, must=must, violations=find, bad=[_putting(field, value) for value in bad])


def one_of_enum(field: str) -> Check:
    """A value of the enum that the contract names, and not its unspecified one."""
    get = attrgetter(field)
    present = _parents(field)
    return custom(
        field,
        must="must be one of the values of its enum, and not the unspecified one",
        holds=lambda message: get(message) in _numbers(message.DESCRIPTOR, field) or not present(message),
        bad=[_putting(field, 0), _putting(field, 9_999)],
    )


def enum_set(field: str) -> Check:
    """A list of different values of the enum that the contract names, none of them the unspecified one."""
    get = attrgetter(field)
    present = _parents(field)

    def holds(message: Message) -> bool:
        values = get(message)
        return not present(message) or (
            len(set(values)) == len(values) and _numbers(message.DESCRIPTOR, field).issuperset(values)
        )

    must = "must be different values of its enum, and not the unspecified one"
    return custom(field, must=must, holds=holds, bad=[_putting(field, bad) for bad in ([0], [9_999], [1, 1])])


def positive_duration(field: str) -> Check:
    """A duration longer than zero."""
    bad = [None, Duration(), Duration(seconds=-1), Duration(seconds=1, nanos=-1), Duration(seconds=MAX_SECONDS + 1)]
    return _value(field, "must be longer than zero", _is_positive, bad=bad)


def optional_positive_duration(field: str) -> Check:
    """A duration longer than zero, or none at all."""
    get = attrgetter(field)
    present = _presence(field)
    return custom(
        field,
        must="must be longer than zero, or be left out",
        holds=lambda message: not present(message) or _is_positive(get(message)),
        bad=[_putting(field, bad) for bad in (Duration(), Duration(seconds=-1))],
    )


def optional_duration(field: str) -> Check:
    """A duration of zero or more; none at all means zero."""
    bad = [Duration(seconds=-1), Duration(nanos=-1), Duration(seconds=MAX_SECONDS + 1)]
    return _value(field, "must be zero or longer", _is_duration, bad=bad)


def timestamp(field: str) -> Check:
    """A point in time that is set and within the calendar."""
    get = attrgetter(field)
    parents = _parents(field)
    present = _presence(field)
    return custom(
        field,
        must="must be set, to a time within the years 1 to 9999",
        holds=lambda message: not parents(message) or (present(message) and _is_timestamp(get(message))),
        bad=[_putting(field, bad) for bad in (None, Timestamp(seconds=MAX_TIMESTAMP + 1), Timestamp(nanos=-1))],
    )


def optional_timestamp(field: str) -> Check:
    """A point in time within the calendar, or none at all."""
    get = attrgetter(field)
    present = _presence(field)
    return custom(
        field,
        must="must be a time within the years 1 to 9999, or be left out",
        holds=lambda message: not present(message) or _is_timestamp(get(message)),
        bad=[_putting(field, bad) for bad in (Timestamp(seconds=MAX_TIMESTAMP + 1), Timestamp(nanos=-1))],
    )


def text(field: str, *, at_most: int, at_least: int = 0) -> Check:
    """Text of a limited number of characters."""
    bad = ["x" * (at_most + 1), *(["x" * (at_least - 1)] if at_least else [])]
    must = f"must be {at_least} to {at_most} characters"
    return _value(field, must, lambda value: at_least <= len(value) <= at_most, bad=bad)


def string_map(field: str, *, at_most: int, key_at_most: int = 64, value_at_most: int = 1024) -> Check:
    """A map of limited size, from text that is not empty to text."""
    must = f"must be at most {at_most} pairs, keys of 1 to {key_at_most} and values of up to {value_at_most} characters"

    def holds(pairs: Mapping[str, str]) -> bool:
        return len(pairs) <= at_most and all(
            1 <= len(key) <= key_at_most and len(value) <= value_at_most for key, value in pairs.items()
        )

    too_many = {f"key{number}": "" for number in range(at_most + 1)}
    bad = [too_many, {"": "no key"}, {"k" * (key_at_most + 1): ""}, {"key": "v" * (value_at_most + 1)}]
    return _value(field, must, holds, bad=bad)


def _value(field: str, must: str, holds: Predicate, *, bad: Sequence[object]) -> Check:
    """A check of one field's value. A field inside a message that is not set is not looked at: `required` does."""
    get = attrgetter(field)
    spoils = [_putting(field, value) for value in bad]
    if "." in field:
        present = _parents(field)
        return custom(field, must=must, holds=lambda message: not present(message) or holds(get(message)), bad=spoils)
    return custom(field, must=must, holds=lambda message: holds(get(message)), bad=spoils)


def _is_identifier(value: str) -> bool:
    return IDENTIFIER.fullmatch(value) is not None


def _is_duration(value: Duration) -> bool:
    return 0 <= value.seconds <= MAX_SECONDS and 0 <= value.nanos <= MAX_NANOS


def _is_timestamp(value: Timestamp) -> bool:
    return MIN_TIMESTAMP <= value.seconds <= MAX_TIMESTAMP and 0 <= value.nanos <= MAX_NANOS


def _is_positive(value: Duration) -> bool:
    return _is_duration(value) and (value.seconds > 0 or value.nanos > 0)


def _parents(path: str) -> Predicate:
    """Returns whether the messages that hold the field are set."""
    parent, _, _ = path.rpartition(".")
    return _presence(parent) if parent else lambda _: True


def _presence(path: str) -> Predicate:
    """Returns whether the field, and with it the messages that hold it, is set."""
    names = path.split(".")

    def present(message: Message) -> bool:
        for name in names:
            if not message.HasField(name):
                return False
            message = getattr(message, name)
        return True

    return present


@cache
def _numbers(descriptor: Descriptor, path: str) -> frozenset[int]:
    """Returns the numbers a field of an enum may have: all but zero, which is the unspecified one."""
    *parents, leaf = path.split(".")
    holder: Any = descriptor
    for name in parents:
        holder = holder.fields_by_name[name].message_type
    return frozenset(holder.fields_by_name[leaf].enum_type.values_by_number) - {0}


def _putting(path: str, value: object) -> Spoil:
    return lambda message: _put(message, path, value)


def _put(message: Any, path: str, value: object) -> None:
    """Sets a field of any kind. None clears it."""
    *parents, leaf = path.split(".")
    for name in parents:
        message = getattr(message, name)
    if isinstance(value, str | int):
        setattr(message, leaf, value)
        return
    message.ClearField(leaf)
    if isinstance(value, Message):
        getattr(message, leaf).CopyFrom(value)
    elif isinstance(value, dict):
        getattr(message, leaf).update(value)
    elif isinstance(value, list):
        getattr(message, leaf).extend(value)

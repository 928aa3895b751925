"""Who calls, for which tenant, and until when: read from a call's metadata once, and at hand while it is answered.

Metadata are trusted as they come; a later authentication replaces where they are read from, not what is read.
"""

import re
import time
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache

from maitred.rpc.failure import Violation, invalid_request

TENANT_KEY = "maitred-tenant"
ACTOR_KEY = "maitred-actor"
DEFAULT_TENANT = "default"
ACTOR_KINDS = frozenset({"agent", "supervisor", "admin", "adapter", "service"})

IDENTIFIER = re.compile(r"[A-Za-z0-9._:@-]{1,128}")
IDENTIFIER_FORM = "must be 1 to 128 letters, digits and . _ : @ -"
ACTOR_FORM = f"must be kind/id, the kind one of {', '.join(sorted(ACTOR_KINDS))}; the id {IDENTIFIER_FORM}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The call being answered. An anonymous actor has an empty kind and id."""

    tenant: str
    actor_kind: str
    actor_id: str
    # The full name: /maitred.v1.PresenceService/LogIn.
    method: str
    # On the monotonic clock; None if the caller waits as long as it takes.
    deadline: float | None

    @property
    def actor(self) -> str:
        """The actor as in the metadata, `kind/id`; empty if anonymous."""
        return f"{self.actor_kind}/{self.actor_id}" if self.actor_kind else ""

    def remaining(self) -> float | None:
        """Returns the seconds left until the caller gives up, never below zero; None without a deadline."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())


_current: ContextVar[Call] = ContextVar("call")


def current_call() -> Call:
    """Returns the call that this task answers. Raises LookupError in a task that answers none."""
    return _current.get()


def set_current_call(call: Call) -> None:
    """Makes this the call of the running task and of the tasks it starts. grpc gives each call a task of its own."""
    _current.set(call)


def read_call(*, method: str, metadata: Iterable[tuple[str, str | bytes]], time_remaining: float | None) -> Call:
    """Returns the call its metadata describe. Raises RpcFailure naming every malformed key."""
    tenant: str | bytes = DEFAULT_TENANT
    actor: str | bytes = ""
    for key, value in metadata:
        if key == TENANT_KEY:
            tenant = value
        elif key == ACTOR_KEY:
            actor = value
    kind, actor_id = _parse(tenant, actor)
    return Call(
        tenant=str(tenant),
        actor_kind=kind,
        actor_id=actor_id,
        method=method,
        deadline=None if time_remaining is None else time.monotonic() + time_remaining,
    )


# The same few actors call again and again, and what is malformed raises and so is not kept.
@lru_cache(maxsize=16_384)
def _parse(tenant: str | bytes, actor: str | bytes) -> tuple[str, str]:
    violations = []
    if not (isinstance(tenant, str) and IDENTIFIER.fullmatch(tenant)):
        violations.append(Violation(TENANT_KEY, IDENTIFIER_FORM))
    kind, _, actor_id = actor.partition("/") if isinstance(actor, str) else ("?", "", "")
    if actor and not (kind in ACTOR_KINDS and IDENTIFIER.fullmatch(actor_id)):
        violations.append(Violation(ACTOR_KEY, ACTOR_FORM))
    if violations:
        raise invalid_request(violations)
    return kind, actor_id

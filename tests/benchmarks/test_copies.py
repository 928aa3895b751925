"""The copies that fill a store have what the step itself writes."""

from redis import Redis

from benchmarks.copies import FIRST
from benchmarks.steps import Router, contact


def test_a_copied_contact_is_like_a_submitted_one(store_url: str) -> None:
    with Router(store_url) as router, Redis.from_url(store_url, protocol=2, decode_responses=True) as redis:
        router.open()
        router.fill(waiting=100)
        router.run("submit_contact", [contact(2 * FIRST, "VOICE", "VOICE")])
        submitted = _read(redis, 2 * FIRST)
        for number in (0, 57, 99):
            assert _read(redis, FIRST + number) == submitted
        assert redis.zcard("{default}:router:waiting/main/VOICE") == 102


def _read(redis: "Redis", number: int) -> dict[str, object]:
    """Everything the store has of one contact, without what only this one has."""
    prefix = "{default}:router:"
    contact: dict[str, str] = redis.hgetall(f"{prefix}contact/contact-{number}")  # type: ignore[assignment]
    conversation_id = contact.pop("conversation")
    conversation: dict[str, str] = redis.hgetall(  # type: ignore[assignment]
        f"{prefix}conversation/{conversation_id}"
    )
    queue_time, due_time = contact.pop("queue_time"), contact.pop("due_time")
    conversation.pop("create_time")
    assert contact.pop("customer") == conversation.pop("customer") == f"customer-{number}"
    assert contact.pop("fingerprint") == f"{number:024}"
    assert int(due_time) - int(queue_time) == 3_600_000
    place = f"{int(queue_time):015}:contact-{number}"
    assert redis.zscore(f"{prefix}waiting/main/VOICE", place) == float(due_time)
    last = redis.zscore(f"{prefix}customer/customer-{number}", "last")
    assert last is not None
    assert f"conversation-{-last:.0f}" == conversation_id
    assert redis.smembers(f"{prefix}conversation/{conversation_id}/contacts") == {f"contact-{number}"}
    return {"contact": contact, "conversation": conversation}

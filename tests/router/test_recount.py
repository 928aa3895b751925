"""The recount that ends every test of routing notices when the store does not agree with itself."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.floor import CALL, CHAT, EMAIL, MESSAGING, VOICE, Floor, Services, open_floor
from tests.recount import LOOK, problems_of, recount

# What is done by hand to the store of `busy`, and what the recount then says, at least.
CORRUPTIONS = {
    # What agents have
    "SREM agent/ann/load conversation-1": "agent/ann/load lacks conversation-1",
    "SADD agent/bob/load conversation-1": "agent/bob/load has conversation-1, which does not belong there",
    "SREM agent/ann/offers offer-4": "agent/ann/offers lacks offer-4",
    "ZREM agent/ann/customers task:task": "agent/ann/customers lacks task:task",
    "ZREM agent/ann/customers conversation:conversation-1": "agent/ann/customers lacks conversation:conversation-1",
    "ZADD agent/ann/unhelped 5 conversation-1": "agent/ann/unhelped has conversation-1 at 5 instead of 1893456000000",
    "HDEL agent/ann ringing": "agent ann has ringing none, but there is offer-4",
    "HSET agent/ann call call": "agent ann has call call, but there is none",
    "HSET agent/ann owed SWITCHED_ON toggles MAIL_TASKS": "agent ann is still owed a mail or task item",
    "HDEL agent/ann voice_free_time": "agent ann is free for calls since no time",
    'HSET agent/ann shown {"groups":[],"messaging_load":2}': "agent ann was told a load of 2",
    "HSET agent/ann stop_MAIL_TASKS ASKED": "agent ann has no decline stop",
    "HSET agent/ann standard_messaging_capacity 7": "agent ann was told a standard capacity of 3",
    # Who is ready
    "HSET agent/ann in_focus 1": "offer-4 is open to ann in spite of FOCUS",
    "HSET agent/ann away 1": "ready/main/MESSAGING has ann, which does not belong there",
    "HSET agent/bob pause_VOICE 5": "ready/main/VOICE lacks bob",
    "ZREM ready/main/MESSAGING ann": "ready/main/MESSAGING lacks ann",
    "HDEL agent/ann ready_MESSAGING": "agent ann has ready_MESSAGING '' instead of '11893456045000'",
    "ZADD ready/main/VOICE 1 ann": "ready/main/VOICE has ann, which does not belong there",
    "ZADD ready/main/MESSAGING 1 ann": "ready/main/MESSAGING has ann at 1 instead of 11893456045000",
    # Who waits
    "DEL waiting/main/MAIL_TASKS": "waiting/main/MAIL_TASKS lacks 001893456045000:mail",
    "ZADD waiting/main/MAIL_TASKS 5 001893456045000:mail": "waiting/main/MAIL_TASKS has 001893456045000:mail at 5",
    "ZADD waiting/main/VOICE 5 001893456045000:mail": "waiting/main/VOICE has 001893456045000:mail, which does not",
    "ZADD waiting/main/MESSAGING 5 chat": "waiting/main/MESSAGING has 1 waiting while ann could take one",
    "ZADD unsettled 1 queue:VOICE:main": "unsettled has queue:VOICE:main, and no timer that settles it",
    # Contacts and offers
    "HSET contact/mail parked 1": "conversation conversation-6 has 0 on offer, but its waiting mails and messages",
    "HSET contact/mail agent ann": "contact mail is WAITING and names ann",
    "HSET contact/chat hold_time 5": "contact chat on CHAT is on hold and ASSIGNED",
    "HSET contact/mail returnable 1": "contact mail on EMAIL can be given back and is WAITING",
    "HSET contact/mail group VOICE": "contact mail on EMAIL counts as VOICE",
    "HSET contact/mail state LOST": "contact mail is in the state 'LOST'",
    "HSET contact/mail inbox other": "contact mail is in the inbox 'other', which does not exist",
    "HSET contact/chat agent bob": "conversation conversation-1 is with ann, but a mail or message of it with another",
    "HSET contact/call state ENDED": "offer-4 to ann is open, but call is ENDED",
    "HSET offer/offer-4 state MISSED": "contact call is offered to ann by no open offer",
    "HSET offer/offer-4 agent bob": "agent/bob/offers lacks offer-4",
    # Transfers
    "HDEL contact/passed transfer": "contact consult:9 is OFFERED, but passed is not being transferred by it",
    "HSET contact/passed ring_end 5": "contact passed on VOICE is ASSIGNED and is being transferred",
    "HSET contact/consult:9 state ENDED": "contact passed is being transferred, PENDING, by a consult that is ENDED",
    "HDEL contact/consult:9 named": "contact consult:9 is not for one agent, but is asked of",
    "HSET contact/consult:9 agent ann": "contact consult:9 is for eve and OFFERED at ann",
    "HSET contact/consult:9 conversation conversation-1": "contact consult:9 is in conversation-1, but its call in",
    # Conversations
    "HSET conversation/conversation-1 state NEW": "conversation conversation-1 is NEW with agent ann and 1 open",
    "HSET conversation/conversation-1 state CLOSED": "conversation conversation-1 is closed with 1 open contacts",
    "HDEL conversation/conversation-1 claim": "conversation conversation-1 is with ann by the claim ''",
    "HDEL conversation/conversation-1 agent": "conversation conversation-1 is with nobody, but a contact of it",
    "HSET conversation/conversation-6 agent bob claim WRITTEN": "conversation conversation-6 is with bob, but a mail",
    "SREM conversation/conversation-1/contacts chat": "conversation/conversation-1/contacts lacks chat",
    "HSET conversation/conversation-6 customer carl": "customer carl has 2 live conversations",
    "ZREM customer/carl last": "customer/carl lacks last",
    "ZADD customer/dora -77 last": "customer/dora has last at -77 instead of -2",
    "ZADD customer/emil -1 last": "customer/emil has last, which does not belong there",
    "ZREM customer/carl item:chat": "customer/carl lacks item:chat",
    "ZADD customer/carl 5 item:chat": "customer/carl has item:chat at 5 instead of 1893456000000",
    "ZADD customer/carl 5 item:call": "customer/carl has item:call, which does not belong there",
    "SREM customer/emil/tasks task": "customer/emil/tasks lacks task",
    "EXPIRE customer/emil 900": "customer/emil goes by itself",
    "HSET customer/carl/dedicated_agent agent stranger inbox main": "customer/carl/dedicated_agent names",
    "HSET customer/carl/dedicated_agent agent ann inbox other": "customer/carl/dedicated_agent names",
    "HSET contact/mail dedicated 1": "contact mail on EMAIL is for a dedicated agent to try",
    # Inboxes, timers, keys
    "SREM inbox/main/members ann": "inbox/main/members lacks ann",
    "ZADD inboxes 1 main": "inboxes has main at 1 instead of 0",
    "ZREM timers offer:offer-4": "timers lacks offer:offer-4",
    "ZREM timers pause:VOICE:bob": "timers lacks pause:VOICE:bob",
    "ZREM timers session:chat": "timers lacks session:chat",
    "HSET offer/offer-4 accept_time 9893456000000": "timers lacks accept:offer-4",
    "HSET agent/ann after_call_end 9893456000000": "timers lacks after_call:ann",
    "HSET agent/ann stop_MAIL_TASKS 9893456000000": "timers lacks stop:ann",
    "ZADD timers 9893456000000 offer:offer-9": "timers has offer:offer-9, which does not belong there",
    "ZADD timers 5 offer:offer-4": "timers has offer:offer-4, which was due at 5",
    "SET offers/offer-1 1": "offers/offer-1 is a key of an unknown kind",
    "PERSIST offer/offer-3": "offer/offer-3 stays for ever",
    "EXPIRE contact/mail 900": "contact/mail goes by itself",
}


@pytest.fixture
async def busy(services: Services) -> AsyncIterator[Floor]:
    """Something of everything: bob has missed a call, which rings at ann, who has a chat and a task; cleo asks eve."""
    async with open_floor(services) as floor:
        await floor.agent("bob", VOICE)
        await floor.submits("carl", CHAT, contact_id="chat")
        await floor.submits("dora", CALL, contact_id="call")
        await floor.passes(timedelta(seconds=45))
        ann = await floor.agent("ann", VOICE, MESSAGING)
        await ann.accepts("chat")
        await floor.task("emil", agent_id="ann", contact_id="task")
        await floor.submits("fred", EMAIL, contact_id="mail")
        cleo, eve = await floor.agent("cleo", VOICE), await floor.agent("eve")
        await floor.submits("gina", CALL, contact_id="passed")
        await cleo.accepts("passed")
        await cleo.transfers("passed", eve)
        yield floor


async def test_a_store_that_agrees_with_itself_has_no_problems(busy: Floor) -> None:
    assert await recount(busy.redis, busy.tenant) == []


async def test_each_disagreement_is_named(busy: Floor) -> None:
    """One floor for all of them: each is done to a copy of the keys it touches, which is put back."""
    unnoticed = []
    for command, expected in CORRUPTIONS.items():
        name, key, *args = command.split(" ")
        whole = f"{{{busy.tenant}}}:router:{key}"
        before = await busy.redis.execute_command("DUMP", whole, NEVER_DECODE=True)  # type: ignore[no-untyped-call]
        life = max(0, await busy.redis.pttl(whole))
        # All in one, so that the services do not act on what is wrong.
        async with busy.redis.pipeline(transaction=True) as pipe:
            pipe.execute_command(name, whole, *args)
            pipe.eval(LOOK, 1, f"{{{busy.tenant}}}:router:")
            pipe.delete(whole)
            if before is not None:
                pipe.restore(whole, life, before)
            _, looked, *_ = await pipe.execute()
        problems = problems_of(looked)
        if not any(problem.startswith(expected) for problem in problems):
            unnoticed.append((command, problems))
    assert not unnoticed
    assert await recount(busy.redis, busy.tenant) == []

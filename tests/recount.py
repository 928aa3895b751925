"""Counts again everything the router's store says twice: every set, pointer and timer, recomputed from the records.

The records (agents, contacts, conversations, offers) are believed, and everything else has to follow from them. Who is
routable is decided here a second time, in Python and on purpose not by the engine's own code. The store is read in one
atomic look, so that a recount is true also while the services run.
"""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis

from router_service.domain import GROUP_OF
from router_service.store.keys import KEYS

GROUPS = ("VOICE", "MESSAGING", "MAIL_TASKS")
PUSHED = ("VOICE", "MESSAGING")
# What the settings say that a recount goes by, where nobody has set them.
DEFAULTS = {"standard_messaging_capacity": "3", "call_holds_back_other_work": "1"}

# Remembered answers are packed and nothing follows from them: their keys are looked at, not their values.
LOOK = """
local seen = {}
for i, key in ipairs(redis.call('KEYS', KEYS[1] .. '*')) do
  local kind, value = redis.call('TYPE', key).ok, ''
  local name = string.sub(key, #KEYS[1] + 1)
  if kind == 'hash' then value = redis.call('HGETALL', key)
  elseif kind == 'set' then value = redis.call('SMEMBERS', key)
  elseif kind == 'zset' then value = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  elseif kind == 'string' and string.sub(name, 1, 8) ~= 'request:' then value = redis.call('GET', key) end
  seen[i] = { name, kind, redis.call('PTTL', key), value }
end
local time = redis.call('TIME')
return { time[1] .. string.format('%06d', time[2]), seen }
"""

# The sets, by the pattern of their key, whose scores follow from the records too.
FIGURES = re.compile(r"agent/([^/]+)/figures/\d+")
SCORED = re.compile(r"waiting/|ready/|agent/[^/]+/unhelped$|inboxes$|viewed$|timers$|customer/[^/]+$")
TIMELINE = re.compile(r"customer/[^/]+")


async def recount(redis: "Redis", tenant: str = "default") -> list[str]:
    """Return what does not agree in the store of a tenant, one readable line each; an empty list if all does.

    The client has to decode responses.
    """
    looked = await redis.eval(LOOK, 1, f"{{{tenant}}}:router:")
    # In a thread, for a large store takes longer than a lease holds, which the services renew meanwhile.
    return await asyncio.to_thread(problems_of, looked)


def problems_of(looked: Any) -> list[str]:
    """Return what does not agree in what LOOK answered."""
    raw_us, seen = looked
    return Recount(_Store.of(int(raw_us), seen)).problems()


def queue_name(inbox_id: str, group: str, skills: str) -> str:
    return f"{inbox_id}/{group}/{skills}" if skills else f"{inbox_id}/{group}"


def levels_of(skills: str) -> dict[str, int]:
    return {skill: int(level) for skill, _, level in (each.rpartition("=") for each in skills.split(",") if each)}


@dataclass
class _Store:
    """What was in the store at one moment."""

    raw_us: int
    hashes: dict[str, dict[str, str]] = field(default_factory=dict)
    # The members of sets, and of sorted sets with their scores.
    sets: dict[str, dict[str, float]] = field(default_factory=dict)
    strings: dict[str, str] = field(default_factory=dict)
    lives: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, raw_us: int, seen: Iterable[Any]) -> "_Store":
        store = cls(raw_us)
        for name, kind, life, value in seen:
            store.lives[name] = life
            match kind:
                case "hash":
                    store.hashes[name] = dict(_pairs(value))
                case "set":
                    store.sets[name] = dict.fromkeys(value, 0.0)
                case "zset":
                    store.sets[name] = {member: float(score) for member, score in _pairs(value)}
                case _:
                    store.strings[name] = value
        return store

    def records(self, kind: str) -> dict[str, "_Record"]:
        found = (name.split("/") for name in self.hashes if name.startswith(f"{kind}/"))
        return {parts[1]: _Record(self.hashes["/".join(parts)]) for parts in found if len(parts) == 2}


class _Record(dict[str, str]):
    """A hash; a field that is not there reads as ''."""

    def __missing__(self, name: str) -> str:
        return ""

    def number(self, name: str) -> float:
        return float(self[name] or 0)


class Recount:
    """One recount of one store."""

    def __init__(self, store: _Store) -> None:
        self.store = store
        self.agents = store.records("agent")
        self.inboxes = store.records("inbox")
        self.contacts = store.records("contact")
        self.conversations = store.records("conversation")
        self.offers = store.records("offer")
        self.is_manual = "clock" in store.strings
        self.now = float(store.strings["clock"]) if self.is_manual else store.raw_us / 1000
        self.timers = store.sets.get("timers", {})
        self.unsettled = store.sets.get("unsettled", {})
        self.settings = DEFAULTS | store.hashes.get("settings", {})
        self.open_contacts: dict[str, list[str]] = defaultdict(list)
        for contact_id, contact in sorted(self.contacts.items()):
            if contact["conversation"] and contact["state"] != "ENDED":
                self.open_contacts[contact["conversation"]].append(contact_id)
        self._of_customer: dict[str, list[str]] = defaultdict(list)
        for conversation_id, conversation in self.conversations.items():
            self._of_customer[conversation["customer"]].append(conversation_id)
        # What each agent has or is offered, and which conversations of it count as load (R88).
        self.held: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        self.loads: dict[str, set[str]] = defaultdict(set)
        for contact_id, contact in sorted(self.contacts.items()):
            if contact["state"] in ("ASSIGNED", "OFFERED"):
                self.held[contact["agent"], contact["group"], contact["state"]].append(contact_id)
                if contact["group"] == "MESSAGING":
                    self.loads[contact["agent"]].add(contact["conversation"])

    def problems(self) -> list[str]:
        return [
            *self._keys(),
            *self._sets(),
            *self._customers(),
            *(problem for each in self.contacts for problem in self._contact(each)),
            *(problem for each in self.offers for problem in self._offer(each)),
            *(problem for each in self.agents for problem in self._agent(each)),
            *(problem for each in self.agents for problem in self._told(each)),
            *(problem for each in self.agents for problem in self._deactivated(each)),
            *(problem for each in self.conversations for problem in self._conversation(each)),
            *self._dedicated(),
            *(problem for each in self.agents for problem in self._stopped(each)),
            *self._figures(),
            *self._idle_while_someone_waits(),
            *self._unsettled(),
        ]

    # What the agents may be given (R52)

    def hold(self, agent_id: str, group: str) -> str:
        """The first rule that holds back new automatic work of the group; '' for a routable agent."""
        agent = self.agents[agent_id]
        holds = {
            "DEACTIVATED": agent["deactivate_time"],
            "LOGGED_OUT": not agent["logged_in"],
            "AWAY": agent["away"],
            "FOCUS": agent["in_focus"],
            "TOGGLE_OFF": group not in agent["toggles"].split(),
            "SETTINGS": agent["in_settings"],
            "DECLINE_STOP": self.is_stopped(agent_id, group),
            "PAUSE": self.lasts(agent[f"pause_{group}"], f"pause:{group}:{agent_id}"),
            "CALL_CONNECTED": (group == "VOICE" or self.settings["call_holds_back_other_work"])
            and self.calls(agent_id),
            "CALL_RINGING": group == "VOICE" and (self.ringing(agent_id) or self.dialling(agent_id)),
            "AFTER_CALL_WORK": group == "VOICE" and self.lasts(agent["after_call_end"], f"after_call:{agent_id}"),
            "CAPACITY": group == "MESSAGING" and len(self.loads[agent_id]) >= self.standard_capacity(agent_id),
        }
        return next((name for name, is_so in holds.items() if is_so), "")

    def is_stopped(self, agent_id: str, group: str) -> bool:
        """Whether a decline holds the group back: until the agent asks, or until some time (R135)."""
        until = self.agents[agent_id][f"stop_{group}"]
        return until == "ASKED" or self.lasts(until, f"stop:{agent_id}")

    def lasts(self, until: str, timer: str) -> bool:
        """Whether a time is not over. Under the real clock it is when its timer fires, a moment after it is due."""
        return until != "" and (float(until) > self.now or (not self.is_manual and timer in self.timers))

    def standard_capacity(self, agent_id: str) -> int:
        """Up to how many messaging conversations are pushed to the agent (R87, R93)."""
        own = self.agents[agent_id]["standard_messaging_capacity"]
        return int(own or self.settings["standard_messaging_capacity"])

    def is_routable(self, agent_id: str, group: str) -> bool:
        return self.hold(agent_id, group) == ""

    def rank(self, agent_id: str, group: str) -> float:
        """The place among the ready (A13); the smaller goes first."""
        agent = self.agents[agent_id]
        if group == "VOICE":
            return agent.number("voice_free_time")
        return len(self.loads[agent_id]) * 1e13 + agent.number("messaging_time")

    def served(self, agent_id: str, inbox_id: str, group: str) -> list[str]:
        """The queues of an inbox that the agent has the skills for."""
        has = levels_of(self.agents[agent_id]["skills"])
        required = self.store.sets.get(f"skill_sets/{inbox_id}/{group}", {})
        served = [each for each in required if all(has.get(skill, 0) >= n for skill, n in levels_of(each).items())]
        return [queue_name(inbox_id, group, each) for each in ("", *served)]

    def calls(self, agent_id: str) -> list[str]:
        """The connected call of the agent."""
        return [each for each in self.held[agent_id, "VOICE", "ASSIGNED"] if not self.contacts[each]["ring_end"]]

    def dialling(self, agent_id: str) -> list[str]:
        """The call of the agent that rings at a customer (R204)."""
        return [each for each in self.held[agent_id, "VOICE", "ASSIGNED"] if self.contacts[each]["ring_end"]]

    def ringing(self, agent_id: str) -> list[str]:
        return [self.contacts[each]["offer"] for each in self.held[agent_id, "VOICE", "OFFERED"]]

    # Every set, as the records say

    def _expected_sets(self) -> dict[str, dict[str, float]]:
        sets: dict[str, dict[str, float]] = defaultdict(dict)
        for agent_id, _ in self._days():
            sets["figured"][agent_id] = 0
        for inbox_id in self.inboxes:
            sets["inboxes"][inbox_id] = 0
        for agent_id in self.agents:
            self._expect_of_agent(sets, agent_id)
        for contact_id in self.contacts:
            self._expect_of_contact(sets, contact_id)
        for conversation_id, conversation in self.conversations.items():
            self._expect_of_conversation(sets, conversation_id, conversation)
        for offer_id, offer in self.offers.items():
            self._expect_of_offer(sets, offer_id, offer)
        self._expect_what_may_stay(sets)
        return sets

    def _expect_of_offer(self, sets: dict[str, dict[str, float]], offer_id: str, offer: _Record) -> None:
        if offer["state"] == "OPEN":
            sets[f"agent/{offer['agent']}/offers"][offer_id] = 0
            sets["timers"][f"offer:{offer_id}"] = offer.number("expire_time")
            if offer["accept_time"]:
                sets["timers"][f"accept:{offer_id}"] = offer.number("accept_time")

    def _expect_what_may_stay(self, sets: dict[str, dict[str, float]]) -> None:
        for key, members in self.store.sets.items():
            # What nobody waits for any more may stay for a while, and what nobody watches.
            if key.startswith(("skill_sets/", "board/")):
                sets[key].update(members)
            # And, of what was long ago, the name.
            if TIMELINE.fullmatch(key):
                sets[key].update({each: time for each, time in members.items() if not self._names(each)})
                if "last" in members and self._may_be_last(key, f"conversation-{-members['last']:.0f}"):
                    sets[key]["last"] = members["last"]
        for name, due in self.timers.items():
            # What is required less later, and queues that may be forgotten: harmless if they fire in vain.
            if name.startswith(("relax:", "skill_set:")):
                sets["timers"][name] = due
        if "settle" in self.timers and self.unsettled:
            sets["timers"]["settle"] = self.timers["settle"]

    def _names(self, entry: str) -> bool:
        """Whether an entry of a timeline names something that there is; the last conversation is looked at apart."""
        kind, _, rest = entry.partition(":")
        if kind == "last":
            return True
        of_kind = self.contacts if kind in ("item", "taskcomment") else self.conversations
        return rest.partition("/")[0] in of_kind

    def _may_be_last(self, key: str, conversation_id: str) -> bool:
        """Whether a conversation may be the last of the customer with this timeline: any, if none is live (R2, R12)."""
        theirs = self._of_customer.get(key.removeprefix("customer/"), ())
        live = [each for each in theirs if self.conversations[each]["state"] != "CLOSED"]
        return conversation_id in (live or theirs) or not (live or conversation_id in self.conversations)

    def _expect_of_agent(self, sets: dict[str, dict[str, float]], agent_id: str) -> None:
        agent = self.agents[agent_id]
        inboxes = self.store.sets.get(f"agent/{agent_id}/inboxes", {})
        if agent["view_revision"]:
            sets["viewed"][agent_id] = agent.number("view_revision")
        sets[f"agent/{agent_id}/load"] = dict.fromkeys(self.loads[agent_id], 0)
        for inbox_id in inboxes:
            sets[f"agent/{agent_id}/inboxes"][inbox_id] = 0
            sets[f"inbox/{inbox_id}/members"][agent_id] = 0
        self._expect_timers_of_agent(sets["timers"], agent_id, agent)
        for group in PUSHED:
            if self.is_routable(agent_id, group):
                for inbox_id in inboxes:
                    for queue in self.served(agent_id, inbox_id, group):
                        sets[f"ready/{queue}"][agent_id] = self.rank(agent_id, group)

    def _expect_timers_of_agent(self, timers: dict[str, float], agent_id: str, agent: _Record) -> None:
        stops = [float(agent[f"stop_{group}"]) for group in GROUPS if agent[f"stop_{group}"] not in ("", "ASKED")]
        if stops:
            timers[f"stop:{agent_id}"] = min(stops)
        lasting = {f"pause:{group}:{agent_id}": agent[f"pause_{group}"] for group in PUSHED}
        lasting[f"after_call:{agent_id}"] = agent["after_call_end"]
        for timer, until in lasting.items():
            if self.lasts(until, timer):
                timers[timer] = float(until)

    def _expect_of_contact(self, sets: dict[str, dict[str, float]], contact_id: str) -> None:
        contact = self.contacts[contact_id]
        # What an automatic agent handed off waits since then, and came before.
        came = contact.number("automated_time") or contact.number("queue_time")
        sets[f"customer/{contact['customer']}"][f"item:{contact_id}"] = came
        if contact["channel"] == "TASK" and contact["state"] != "ENDED":
            sets[f"customer/{contact['customer']}/tasks"][contact_id] = 0
        for comment_id, said in self.store.hashes.get(f"contact/{contact_id}/comments", {}).items():
            at = json.loads(said)["create_time"]
            sets[f"customer/{contact['customer']}"][f"taskcomment:{contact_id}/{comment_id}"] = at
        if contact["state"] == "WAITING" and not contact["parked"]:
            if contact["skills"]:
                sets[f"skill_sets/{contact['inbox']}/{contact['group']}"][contact["skills"]] = 0
            place = f"{int(contact.number('queue_time')):015d}:{contact_id}"
            sets[f"waiting/{queue_name(contact['inbox'], contact['group'], contact['skills'])}"][place] = (
                contact.number("due_time")
            )
        if contact["state"] == "ASSIGNED" and contact["channel"] == "TASK":
            sets[f"agent/{contact['agent']}/customers"][f"task:{contact_id}"] = 0
        if contact["ring_end"]:
            sets["timers"][f"ring:{contact_id}"] = contact.number("ring_end")
        if contact["state"] == "ASSIGNED" and contact["group"] == "MESSAGING":
            sets["timers"][f"session:{contact_id}"] = contact.number("session_end")

    def _expect_of_conversation(self, sets: dict[str, dict[str, float]], conversation_id: str, record: _Record) -> None:
        timeline = sets[f"customer/{record['customer']}"]
        timeline[f"conversation:{conversation_id}"] = record.number("create_time")
        if record["state"] != "CLOSED" or "last" not in timeline:
            timeline["last"] = -float(conversation_id.removeprefix("conversation-"))
        for note_id, said in self.store.hashes.get(f"conversation/{conversation_id}/notes", {}).items():
            timeline[f"note:{conversation_id}/{note_id}"] = json.loads(said)["create_time"]
        if record["state"] == "CLOSED":
            return
        holders = {record["agent"]}
        for contact_id in self.open_contacts[conversation_id]:
            sets[f"conversation/{conversation_id}/contacts"][contact_id] = 0
            if self.contacts[contact_id]["state"] == "ASSIGNED":
                holders.add(self.contacts[contact_id]["agent"])
        for agent_id in holders - {""}:
            sets[f"agent/{agent_id}/customers"][f"conversation:{conversation_id}"] = 0
        # Who has it by a call alone is not the one to answer (R195).
        if record["claim"] == "WRITTEN" and record["unhelped_time"]:
            sets[f"agent/{record['agent']}/unhelped"][conversation_id] = record.number("unhelped_time")

    def _sets(self) -> Iterator[str]:
        expected = self._expected_sets()
        found = {name: members for name, members in self.store.sets.items() if name != "unsettled"}
        for name in sorted(expected.keys() | found.keys()):
            are, should = found.get(name, {}), expected.get(name, {})
            for member in sorted(should.keys() - are.keys()):
                yield f"{name} lacks {member}"
            for member in sorted(are.keys() - should.keys()):
                yield f"{name} has {member}, which does not belong there"
            for member in sorted(are.keys() & should.keys()) if SCORED.match(name) else ():
                if are[member] != should[member]:
                    yield f"{name} has {member} at {are[member]:.0f} instead of {should[member]:.0f}"

    def _customers(self) -> Iterator[str]:
        """At most one live conversation a customer (R2)."""
        live: dict[str, list[str]] = defaultdict(list)
        for conversation_id, conversation in sorted(self.conversations.items()):
            if conversation["state"] != "CLOSED":
                live[conversation["customer"]].append(conversation_id)
        for customer, conversations in live.items():
            if len(conversations) > 1:
                yield f"customer {customer} has {len(conversations)} live conversations: {', '.join(conversations)}"

    # Each record, by itself and with those it names

    def _contact(self, contact_id: str) -> Iterator[str]:
        contact, name = self.contacts[contact_id], f"contact {contact_id}"
        yield from self._contact_state(name, contact_id, contact)
        yield from self._outbound(name, contact)
        yield from self._transfer(name, contact_id, contact)
        if contact["group"] != GROUP_OF.get(contact["channel"]):
            yield f"{name} on {contact['channel']} counts as {contact['group']}"
        if contact["inbox"] not in self.inboxes:
            yield f"{name} is in the inbox {contact['inbox']!r}, which does not exist"
        if contact["parked"] and contact["state"] != "WAITING":
            yield f"{name} is parked and {contact['state']}"
        if contact["hold_time"] and (contact["state"], contact["group"]) != ("ASSIGNED", "VOICE"):
            yield f"{name} on {contact['channel']} is on hold and {contact['state']}"
        if contact["returnable"] and (contact["state"], contact["group"]) != ("ASSIGNED", "MAIL_TASKS"):
            yield f"{name} on {contact['channel']} can be given back and is {contact['state']}"
        if (contact["state"] == "ENDED") != bool(contact["end_reason"]):
            yield f"{name} is {contact['state']} with the end reason {contact['end_reason']!r}"
        if (contact["channel"] == "TASK") == bool(contact["conversation"]):
            yield f"{name} on {contact['channel']} has the conversation {contact['conversation']!r}"

    def _outbound(self, name: str, contact: _Record) -> Iterator[str]:
        """Only a call that an agent began rings at a customer (R204), and nobody waits who was called."""
        may_ring = (contact["state"], contact["group"], contact["direction"]) == ("ASSIGNED", "VOICE", "OUTBOUND")
        if contact["ring_end"] and (not may_ring or contact["connect_time"]):
            yield f"{name} on {contact['channel']} rings at the customer and is {contact['state']}"
        # Unless its agent passed it on to an inbox (R185).
        may_wait = transfer_of(contact).get("to_inbox_id")
        is_call = contact["direction"] and contact["group"] == "VOICE"
        if is_call and contact["state"] not in ("ASSIGNED", "ENDED") and not may_wait:
            yield f"{name} is an outbound call and {contact['state']}"

    def _transfer(self, name: str, contact_id: str, contact: _Record) -> Iterator[str]:
        """A call that is being transferred is with its agent, and colleagues are asked by one consult (R185, R186)."""
        transfer = transfer_of(contact)
        if is_pending(transfer):
            is_call = (contact["state"], contact["group"], contact["ring_end"]) == ("ASSIGNED", "VOICE", "")
            if not is_call or contact["transfer_of"]:
                yield f"{name} on {contact['channel']} is {contact['state']} and is being transferred"
            consult = self.contacts.get(transfer.get("consult_contact_id", ""), _Record())
            is_answered = (transfer["state"], transfer.get("agent_id")) == ("ANSWERED", consult["agent"])
            is_asked = consult["state"] not in ("", "ENDED")
            if ("to_address" in transfer) == is_asked or is_answered != (consult["state"] == "ASSIGNED"):
                of = consult["state"] or "none"
                yield f"{name} is being transferred, {transfer['state']}, by a consult that is {of}"
            if transfer["kind"] == "COLD" and (transfer["state"] == "ANSWERED" or "to_agent_id" not in transfer):
                yield f"{name} is being transferred cold, which was done at once"
        if contact["transfer_of"] and contact["state"] != "ENDED":
            yield from self._consult(name, contact_id, contact)

    def _consult(self, name: str, contact_id: str, consult: _Record) -> Iterator[str]:
        call = self.contacts.get(consult["transfer_of"], _Record())
        transfer = transfer_of(call)
        if not is_pending(transfer) or transfer.get("consult_contact_id") != contact_id:
            yield f"{name} is {consult['state']}, but {consult['transfer_of']} is not being transferred by it"
            return
        if any(consult[each] != call[each] for each in ("customer", "conversation", "group")):
            yield f"{name} is in {consult['conversation']}, but its call in {call['conversation']}"
        to = transfer.get("to_agent_id", "")
        if bool(consult["named"]) != bool(to):
            yield f"{name} is {'' if consult['named'] else 'not '}for one agent, but is asked of {transfer}"
        elif to and (consult["state"] == "WAITING" or consult["agent"] != to):
            yield f"{name} is for {to} and {consult['state']} at {consult['agent'] or 'nobody'}"
        elif not to and consult["inbox"] != transfer["to_inbox_id"]:
            yield f"{name} is in {consult['inbox']}, but is asked of {transfer['to_inbox_id']}"

    def _contact_state(self, name: str, contact_id: str, contact: _Record) -> Iterator[str]:
        agent, offer_id = contact["agent"], contact["offer"]
        offer = self.offers.get(offer_id, _Record())
        match contact["state"]:
            case "WAITING" | "ENDED" as state:
                if offer_id or (agent and state == "WAITING"):
                    yield f"{name} is {state} and names {agent or 'nobody'} and {offer_id or 'no offer'}"
            case "OFFERED":
                if (offer["state"], offer["agent"], offer["contact"]) != ("OPEN", agent, contact_id):
                    yield f"{name} is offered to {agent} by no open offer"
            case "ASSIGNED":
                if agent not in self.agents or offer_id:
                    yield f"{name} is assigned to {agent or 'nobody'} and names {offer_id or 'no offer'}"
            case "AUTOMATED":
                yield from self._automated(name, contact)
            case state:
                yield f"{name} is in the state {state!r}"

    def _automated(self, name: str, contact: _Record) -> Iterator[str]:
        """What an automatic agent has is nobody's and not due (R189)."""
        for what in ("agent", "offer", "due_time", "automated_time", "parked"):
            if contact[what]:
                yield f"{name} is with an automatic agent and has {what} {contact[what]}"
        if contact["channel"] == "TASK":
            yield f"{name} is a task with an automatic agent"

    def _offer(self, offer_id: str) -> Iterator[str]:
        offer = self.offers[offer_id]
        if offer["state"] != "OPEN":
            return
        contact = self.contacts.get(offer["contact"], _Record())
        if (contact["state"], contact["offer"]) != ("OFFERED", offer_id):
            yield f"{offer_id} to {offer['agent']} is open, but {offer['contact']} is {contact['state'] or 'gone'}"
        # A decline or a miss stops what is new, not the other offers of the agent.
        hold = self.hold(offer["agent"], offer["group"]) if offer["agent"] in self.agents else "UNKNOWN"
        # Nor does anything but log-out keep an agent from being named (R181).
        may_be_held = contact["named"] and hold not in ("UNKNOWN", "LOGGED_OUT")
        if hold not in ("", "DECLINE_STOP", "PAUSE", "CALL_RINGING", "CAPACITY") and not may_be_held:
            yield f"{offer_id} is open to {offer['agent']} in spite of {hold}"
        if self.is_manual and offer.number("expire_time") <= self.now:
            yield f"{offer_id} to {offer['agent']} is open after its time"

    def _agent(self, agent_id: str) -> Iterator[str]:
        agent = self.agents[agent_id]
        has = {
            "call": self.calls(agent_id),
            "ringing": self.ringing(agent_id),
            "dialling": self.dialling(agent_id),
        }
        if len(has["call"] + has["dialling"]) > 1 or (has["ringing"] and has["dialling"]):
            yield f"agent {agent_id} has more than one call: {has}"
        for name, those in has.items():
            if [agent[name]] != (those or [""]):
                yield f"agent {agent_id} has {name} {agent[name] or 'none'}, but there is {', '.join(those) or 'none'}"
        for group in PUSHED:
            rank = f"{self.rank(agent_id, group):.0f}" if self.is_routable(agent_id, group) else ""
            if agent[f"ready_{group}"] != rank:
                yield f"agent {agent_id} has ready_{group} {agent[f'ready_{group}']!r} instead of {rank!r}"
        # A ringing call is not yet a call: the place among the free is kept.
        if bool(agent["voice_free_time"]) != (self.hold(agent_id, "VOICE") in ("", "CALL_RINGING")):
            yield f"agent {agent_id} is free for calls since {agent['voice_free_time'] or 'no time'}"
        is_paid = f"agent:{agent_id}" in self.unsettled or not self.is_routable(agent_id, "MAIL_TASKS")
        if agent["owed"] and not is_paid:
            yield f"agent {agent_id} is still owed a mail or task item ({agent['owed']})"

    def _deactivated(self, agent_id: str) -> Iterator[str]:
        """Who is deactivated has nothing but a call, and the conversation of it (R188)."""
        if not self.agents[agent_id]["deactivate_time"]:
            return
        for group in ("MESSAGING", "MAIL_TASKS"):
            if held := self.held[agent_id, group, "ASSIGNED"]:
                yield f"agent {agent_id} is deactivated and has {', '.join(held)}"
        calls = [self.contacts[each]["conversation"] for each in self.held[agent_id, "VOICE", "ASSIGNED"]]
        for conversation_id, conversation in self.conversations.items():
            is_theirs = conversation["agent"] == agent_id and conversation["state"] != "CLOSED"
            if is_theirs and (conversation_id not in calls or conversation["claim"] != "CALL"):
                yield f"agent {agent_id} is deactivated and has {conversation_id}"

    def _told(self, agent_id: str) -> Iterator[str]:
        """What the agent's streams were told last is what is so (R52)."""
        agent = self.agents[agent_id]
        told = json.loads(agent["shown"] or '{"groups": []}')
        holds = {group: self.hold(agent_id, group) for group in GROUPS}
        if {each["group"]: each.get("hold", "") for each in told["groups"]} != holds:
            yield f"agent {agent_id} was told {told['groups']} instead of {holds}"
        if told.get("messaging_load") != len(self.loads[agent_id]):
            yield f"agent {agent_id} was told a load of {told.get('messaging_load')}"
        # Of the settings only those are told whom presence knows.
        standard = told.get("standard_messaging_capacity")
        if agent["view_revision"] and standard != self.standard_capacity(agent_id):
            yield f"agent {agent_id} was told a standard capacity of {standard}"
        is_stopped = any(self.is_stopped(agent_id, group) for group in GROUPS)
        if is_stopped != bool(agent["decline_stop"]):
            yield f"agent {agent_id} has {'no ' if is_stopped else 'a '}decline stop"
        if str(told.get("decline_stop_time", "")) != agent["decline_stop"]:
            yield f"agent {agent_id} was told of a decline stop since {told.get('decline_stop_time', 'never')}"

    def _conversation(self, conversation_id: str) -> Iterator[str]:
        conversation = self.conversations[conversation_id]
        contacts = [self.contacts[each] for each in self.open_contacts[conversation_id]]
        # With an automatic agent alone nobody waits, and where that came in binds nobody (R189).
        for_agents = [each for each in contacts if each["state"] != "AUTOMATED"]
        written = [each for each in for_agents if each["group"] != "VOICE"]
        agent, name = conversation["agent"], f"conversation {conversation_id}"
        state = "NEW" if for_agents and not agent else "OPEN" if contacts else "WAITING"
        if conversation["state"] == "CLOSED":
            if contacts:
                yield f"{name} is closed with {len(contacts)} open contacts"
            return
        if conversation["state"] != state or not (agent or contacts):
            yield f"{name} is {conversation['state']} with agent {agent or 'none'} and {len(contacts)} open contacts"
        if conversation["claim"] not in (("WRITTEN", "CALL") if agent else ("",)):
            yield f"{name} is with {agent or 'nobody'} by the claim {conversation['claim']!r}"
        if any(each["customer"] != conversation["customer"] for each in contacts):
            yield f"{name} of {conversation['customer']} has a contact of another customer"
        if any(each["inbox"] != conversation["inbox"] for each in written):
            yield f"{name} is in {conversation['inbox']}, but a mail or message of it is in another inbox (R4)"
        yield from self._holders(name, conversation, contacts, written)

    def _holders(
        self, name: str, conversation: _Record, contacts: list[_Record], written: list[_Record]
    ) -> Iterator[str]:
        """One agent a conversation, and its mail and messages together (R4, R190, R191)."""
        agent = conversation["agent"]
        if any(each["state"] == "ASSIGNED" and each["agent"] != agent for each in written):
            yield f"{name} is with {agent or 'nobody'}, but a mail or message of it with another agent"
        if not agent and any(each["state"] == "ASSIGNED" for each in contacts):
            yield f"{name} is with nobody, but a contact of it is assigned"
        waiting = [each for each in written if each["state"] == "WAITING"]
        offered = [each for each in written if each["state"] == "OFFERED"]
        # After a same-agent limit it is routed afresh, with whoever has the customer tried first (R120).
        kept = [each for each in (*waiting, *offered) if not each["preferred"]]
        if conversation["claim"] == "WRITTEN" and kept:
            yield f"{name} is with {agent}, but a mail or message of it waits"
        if len(offered) > 1:
            yield f"{name} has {len(offered)} mails or messages on offer at once"
        if any(bool(each["parked"]) != bool(offered) for each in waiting):
            yield f"{name} has {len(offered)} on offer, but its waiting mails and messages are not parked to match"

    def _dedicated(self) -> Iterator[str]:
        """Whoever is named for a customer is somebody, and so is their inbox; what they try is a message (R178)."""
        for name, named in self.store.hashes.items():
            if name.endswith("/dedicated_agent") and not (
                named.get("agent") in self.agents and named.get("inbox") in self.inboxes
            ):
                yield f"{name} names {named}"
        for contact_id, contact in self.contacts.items():
            if contact["dedicated"] and (contact["group"] != "MESSAGING" or contact["direction"]):
                yield f"contact {contact_id} on {contact['channel']} is for a dedicated agent to try"

    # Figures

    def _days(self) -> Iterator[tuple[str, _Record]]:
        """The figures of each agent's days."""
        for name, figures in self.store.hashes.items():
            if found := FIGURES.fullmatch(name):
                yield found[1], _Record(figures)

    def _figures(self) -> Iterator[str]:
        """All offers are open, or have ended in one of the ways there are (R211)."""
        sums: dict[tuple[str, str], float] = defaultdict(float)
        for agent_id, figures in self._days():
            for (group, what), count in ((name.split("/"), figures.number(name)) for name in figures):
                # The other figures are no offers.
                if what not in ("stopped", "given_back"):
                    sums[agent_id, group] += count if what == "made" else -count
        for offer in self.offers.values():
            if offer["state"] == "OPEN":
                sums[offer["agent"], offer["group"]] -= 1
        for (agent_id, group), rest in ((whose, rest) for whose, rest in sums.items() if rest):
            yield f"agent {agent_id} has {rest:+.0f} offers of {group} that are neither open nor ended"

    def _stopped(self, agent_id: str) -> Iterator[str]:
        """The time counts in which a decline, and nothing of presence, holds a group back (R137)."""
        for group in GROUPS:
            since = self.agents[agent_id][f"stopped_{group}"]
            if bool(since) != (self.hold(agent_id, group) == "DECLINE_STOP"):
                yield f"agent {agent_id} counts as stopped in {group} since {since or 'no time'}"

    # Nobody idle while someone waits

    def _idle_while_someone_waits(self) -> Iterator[str]:
        for name, waiting in sorted(self.store.sets.items()):
            kind, _, rest = name.partition("/")
            ready = self.store.sets.get(f"ready/{rest}")
            if kind != "waiting" or not ready or f"queue:{rest.split('/')[1]}:{rest}" in self.unsettled:
                continue
            callers = [
                agent for agent in ready if all(self._is_caller(agent, place.partition(":")[2]) for place in waiting)
            ]
            able = sorted(ready.keys() - callers)
            if able:
                yield f"{name} has {len(waiting)} waiting while {', '.join(able)} could take one"

    def _is_caller(self, agent_id: str, contact_id: str) -> bool:
        """Whether the contact is what the customer wrote whom the agent is talking to (R195), not to a colleague."""
        contact = self.contacts.get(contact_id)
        calls = [self.contacts[each] for each in self.calls(agent_id)]
        conversations = [each["conversation"] for each in calls if not each["transfer_of"]]
        return contact is not None and contact["conversation"] in conversations

    def _unsettled(self) -> Iterator[str]:
        is_fresh = float(self.store.hashes.get("view", {}).get("until", 0)) > self.store.raw_us
        if self.unsettled and is_fresh and "settle" not in self.timers:
            yield f"unsettled has {', '.join(sorted(self.unsettled))}, and no timer that settles it"

    # The keys themselves

    def _keys(self) -> Iterator[str]:
        # A queue's name has several parts; what else is in brackets has one.
        known = [re.escape(each).replace("<queue>", ".+") for each in KEYS]
        pattern = re.compile("|".join(re.sub("<[^>]+>", "[^/]+", each) for each in known))
        for name, life in sorted(self.store.lives.items()):
            if not pattern.fullmatch(name):
                yield f"{name} is a key of an unknown kind"
            elif (life >= 0) != self._is_over(name):
                yield f"{name} {'goes by itself' if life >= 0 else 'stays for ever'}"
        if self.is_manual:
            for timer, due in self.timers.items():
                if due <= self.now:
                    yield f"timers has {timer}, which was due at {due:.0f}"

    def _has_something_open(self, customer: str) -> bool:
        """Whether a conversation or a task of the customer's is not closed."""
        live = any(self.conversations[each]["state"] != "CLOSED" for each in self._of_customer.get(customer, ()))
        return live or f"customer/{customer}/tasks" in self.store.sets

    def _is_over(self, name: str) -> bool:
        """Whether what is at the key is kept for a while only."""
        if name.startswith(("request:", "board")) or FIGURES.fullmatch(name):
            return True
        kind, _, rest = name.partition("/")
        if TIMELINE.fullmatch(name):
            return not self._has_something_open(rest)
        if name not in self.store.hashes:
            return False
        # What was noted of a conversation goes with it, and what was commented on a task.
        rest = rest.removesuffix("/notes").removesuffix("/comments")
        if kind == "customer" and rest.endswith("/dedicated_agent"):
            return False
        records: Mapping[str, tuple[dict[str, _Record], tuple[str, ...]]] = {
            "contact": (self.contacts, ("WAITING", "OFFERED", "ASSIGNED", "AUTOMATED")),
            "conversation": (self.conversations, ("NEW", "OPEN", "WAITING")),
            "offer": (self.offers, ("OPEN",)),
        }
        if kind not in records or rest not in records[kind][0]:
            return False
        of_kind, live = records[kind]
        return of_kind[rest]["state"] not in live


def transfer_of(contact: _Record) -> dict[str, str]:
    """The last transfer of a call, by the names of the contract; empty if there was none."""
    return json.loads(contact["transfer"] or "{}")  # type: ignore[no-any-return]


def is_pending(transfer: Mapping[str, str]) -> bool:
    return transfer.get("state") in ("PENDING", "ANSWERED")


def _pairs(flat: list[str]) -> Iterator[tuple[str, str]]:
    return zip(flat[::2], flat[1::2], strict=True)

"""Why somebody gets no work, in words that agents and supervisors understand: one table, obstacle by obstacle."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from router_service.domain import Said

GROUP_NAMES: Mapping[str, str] = {"VOICE": "Voice", "MESSAGING": "Messaging", "MAIL_TASKS": "Mail + Tasks"}


@dataclass(frozen=True, slots=True)
class Reason:
    """The rule behind an obstacle, and its sentence.

    The sentence may name {who}, {group}, {load}, {capacity}, {skills}, and with words of their own {since}, {when},
    {until}, {contact} and {to}, which are empty where nothing is known of them.
    """

    rule: str
    sentence: str
    # Rules of groups that have one of their own.
    rule_of: Mapping[str, str] | None = None

    def number(self, group: str) -> str:
        """Return the rule's number, for a channel group where it has one of its own."""
        return (self.rule_of or {}).get(group, self.rule)


REASONS: Mapping[str, Reason] = {
    "DEACTIVATED": Reason("R188", "{who} is deactivated{since}"),
    "LOGGED_OUT": Reason("R28", "{who} is logged out{since}"),
    "AWAY": Reason("R28", "{who} is Away{since}"),
    "FOCUS": Reason("R56", "{who} is in Focus{since}"),
    "TOGGLE_OFF": Reason("R44", "{who} has {group} switched off"),
    "SETTINGS": Reason("R49", "{who} is on the settings page{since}"),
    "DECLINE_STOP": Reason(
        "R135",
        "{who} declined{when} and has not asked since: nothing new comes{until},"
        " unless they ask with Next or switch a channel on",
    ),
    "PAUSE": Reason("R117", "{who} gets no new work in {group}{until}, as after a missed offer", {"VOICE": "R138"}),
    "CALL_CONNECTED": Reason("R73", "{who} is not free: on a call{since}", {"VOICE": "R72"}),
    "CALL_RINGING": Reason("R72", "{who} is not free: a call is ringing{since}{until}"),
    "CAPACITY": Reason("R87", "{who} holds {load} of {capacity} conversations"),
    "AFTER_CALL_WORK": Reason("R79", "{who} has after-call work{until}"),
    "SKILLS": Reason("R71", "{who} lacks a skill that is required: {skills}"),
    "CALLER": Reason("R195", "{who} is on a call with this customer, so someone else gets what the customer writes"),
    "TURNED_DOWN": Reason("R141", "{who} turned this customer down, and someone else can take it"),
    "AT_MAXIMUM": Reason("R90", "{who} holds {load} conversations, the most allowed: {capacity}"),
    "PARKED": Reason("R191", "another contact of the same conversation{contact} is being offered{to}"),
    "PRESENCE_UNKNOWN": Reason("R52", "who is available is not known right now: work waits until presence is back"),
    "UNSETTLED": Reason("R148", "the queue is being worked through: its turn comes within moments"),
    "ASKING_ONLY": Reason("R123", "mail and tasks come when an agent asks, and one at switch-on"),
    "AUTOMATED": Reason("R189", "an automatic agent talks with the customer, and has not handed them to people"),
    "NO_MEMBERS": Reason("R158", "no agent is a member of the inbox"),
    "NO_CHANNEL_ON": Reason("R96", "{who} has no channel on"),
    "NOBODY_WAITING": Reason("R110", "nobody whom {who} could be given is waiting"),
}


def rule(said: Said) -> str:
    """Return the number of the rule behind an obstacle."""
    return REASONS[said["obstacle"]].number(said.get("group", ""))


def sentence(said: Said) -> str:
    """Return an obstacle in plain words."""
    who, contact = said.get("agent_id", ""), said.get("contact_id", "")
    return REASONS[said["obstacle"]].sentence.format(
        who=who,
        group=GROUP_NAMES.get(said.get("group", ""), ""),
        since=_at("since", said.get("since_time")),
        when=_at("at", said.get("since_time")),
        until=_at("until", said.get("end_time")),
        load=said.get("load", ""),
        capacity=said.get("capacity", ""),
        skills=said.get("skills", "").replace("=", " ").replace(",", ", "),
        contact=f", {contact}," if contact else "",
        to=f" to {who}" if who else "",
    )


def _at(word: str, ms: int | None) -> str:
    return f" {word} {datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%d %H:%M:%S} UTC" if ms else ""

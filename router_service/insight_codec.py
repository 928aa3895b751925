"""How explanations and counts are written."""

from datetime import timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from maitred.v1 import insight_service_pb2 as insight_pb2
from maitred.v1.channel_pb2 import ChannelGroup
from maitred.v1.router_service_pb2 import ContactAssigned
from router_service import reasons
from router_service.codec import contact, conversation, routing_state, time_of
from router_service.domain import (
    AgentExplained,
    AgentFigures,
    AgentReport,
    Assignment,
    BoardAgent,
    BoardNews,
    Candidate,
    Choice,
    ContactExplained,
    GroupExplained,
    GroupQueue,
    InboxQueues,
    OpenOffer,
    Rank,
    RequestExplained,
    Said,
)

DAY_SECONDS = 24 * 60 * 60
# The most agents of a page of a report.
MOST_AGENTS = 100


def contact_explained(value: ContactExplained) -> insight_pb2.ExplainContactResponse:
    """Write why a contact is where it is."""
    return insight_pb2.ExplainContactResponse(
        contact=contact(value["contact"]),
        held_back=explanation(value["held_back"]) if "held_back" in value else None,
        ahead_count=value.get("ahead", 0),
        member_count=value.get("member_count", 0),
        # Lua has one kind of table: an empty list arrives as {}.
        candidates=[_candidate(each) for each in value.get("candidates") or ()],
        counts=[
            insight_pb2.ObstacleCount(obstacle=_obstacle(each["obstacle"]), count=each["count"])
            for each in value.get("counts") or ()
        ],
        more_members=value.get("more_members", False),
        offer=_offer(value["offer"]) if "offer" in value else None,
        assignment=_assignment(value["assignment"]) if "assignment" in value else None,
    )


def agent_explained(value: AgentExplained) -> insight_pb2.ExplainAgentResponse:
    """Write why an agent gets work or none."""
    return insight_pb2.ExplainAgentResponse(
        agent_id=value["agent_id"],
        groups=[_group_explained(each) for each in value["groups"]],
        next_by_availability=_request_explained(value["by_availability"]),
        next_by_topics=_request_explained(value["by_topics"]),
    )


def inbox_queues(value: InboxQueues) -> insight_pb2.InboxQueues:
    """Write who waits in an inbox, and who serves it."""
    return insight_pb2.InboxQueues(
        inbox_id=value["inbox_id"],
        display_name=value["display_name"],
        member_count=value["member_count"],
        more_members=value["more_members"],
        groups=[_group_queue(each) for each in value["groups"]],
    )


def board(news: BoardNews | None, within: timedelta) -> insight_pb2.WatchBoardResponse:
    """Write what a stream of the board says: everything, what is otherwise, or nothing and how soon more comes."""
    if news is None:
        written = insight_pb2.WatchBoardResponse()
        written.checkpoint.next_within_duration.FromTimedelta(within)
        return written
    inboxes = [inbox_queues(each) for each in news.inboxes]
    agents = [_board_agent(each) for each in news.agents]
    sums = insight_pb2.BoardSums(absent_count=news.absent, absent_unhelped_count=news.absent_unhelped)
    if news.part is None:
        change = insight_pb2.BoardChange(
            inboxes=inboxes,
            agents=agents,
            gone_agent_ids=news.gone_agent_ids,
            sums=sums,
            more_inboxes=news.more_inboxes,
        )
        return insight_pb2.WatchBoardResponse(change=change)
    first, last = news.part
    snapshot = insight_pb2.BoardSnapshot(
        first=first, last=last, inboxes=inboxes, agents=agents, sums=sums, more_inboxes=news.more_inboxes
    )
    return insight_pb2.WatchBoardResponse(snapshot=snapshot)


def _board_agent(value: BoardAgent) -> insight_pb2.BoardAgent:
    return insight_pb2.BoardAgent(
        agent_id=value["agent_id"],
        inbox_ids=value["inbox_ids"] or (),
        routing_state=routing_state(value["routing_state"]),
        effective_toggles=[_group(each) for each in value["effective_toggles"] or ()],
        unhelped_count=value["unhelped"],
    )


def agent_report(request: insight_pb2.ReportAgentsRequest) -> AgentReport:
    """Return what a well-formed request asks for."""
    return AgentReport(
        agent_ids=request.agent_ids,
        first_day=request.start_time.seconds // DAY_SECONDS,
        last_day=request.end_time.seconds // DAY_SECONDS - 1,
        after=request.page_token,
        size=request.page_size or MOST_AGENTS,
    )


def agent_figures(agent_id: str, value: AgentFigures) -> insight_pb2.AgentFigures:
    """Write the figures of an agent's day in a channel group."""
    written = insight_pb2.AgentFigures(
        agent_id=agent_id,
        start_time=Timestamp(seconds=value["day"] * DAY_SECONDS),
        group=_group(value["group"]),
        offers=value.get("made", 0),
        accepts=value.get("ACCEPTED", 0),
        declines=value.get("DECLINED", 0),
        misses=value.get("MISSED", 0),
        device_errors=value.get("DEVICE_ERROR", 0),
        undelivered=value.get("UNDELIVERED", 0),
        withdrawn=value.get("WITHDRAWN", 0),
        customers_left=value.get("CUSTOMER_LEFT", 0),
        outstanding=value.get("outstanding", 0),
        given_back=value.get("given_back", 0),
    )
    written.stopped.FromMilliseconds(value.get("stopped", 0))
    return written


def explanation(said: Said) -> insight_pb2.Explanation:
    """Write an obstacle with its rule and its sentence."""
    return insight_pb2.Explanation(
        obstacle=_obstacle(said["obstacle"]),
        rule=reasons.rule(said),
        sentence=reasons.sentence(said),
        since_time=_time(said.get("since_time")),
        end_time=_time(said.get("end_time")),
    )


def _obstacle(name: str) -> insight_pb2.Obstacle.ValueType:
    return insight_pb2.Obstacle.Value(f"OBSTACLE_{name}")


def _group(name: str) -> ChannelGroup.ValueType:
    return ChannelGroup.Value(f"CHANNEL_GROUP_{name}")


def _time(ms: int | None) -> Timestamp | None:
    return None if ms is None else time_of(ms)


def _candidate(value: Candidate) -> insight_pb2.Candidate:
    return insight_pb2.Candidate(
        agent_id=value["agent_id"], excluded=explanation(value["excluded"]) if "excluded" in value else None
    )


def _offer(value: OpenOffer) -> insight_pb2.OpenOffer:
    return insight_pb2.OpenOffer(
        offer_id=value["offer_id"],
        agent_id=value["agent_id"],
        offer_time=time_of(value["offer_time"]),
        expire_time=time_of(value["expire_time"]),
        choice=_choice(value["choice"]) if "choice" in value else None,
    )


def _assignment(value: Assignment) -> insight_pb2.Assignment:
    return insight_pb2.Assignment(
        agent_id=value["agent_id"],
        assign_time=_time(value.get("assign_time")),
        cause=ContactAssigned.Cause.Value(f"CAUSE_{value['cause'] or 'UNSPECIFIED'}"),
        choice=_choice(value["choice"]) if "choice" in value else None,
    )


def _choice(value: Choice) -> insight_pb2.Choice:
    return insight_pb2.Choice(
        winner=_rank(value["winner"]),
        same_agent=value["same_agent"],
        dedicated=value["dedicated"],
        runner_up=_rank(value["runner_up"]) if "runner_up" in value else None,
    )


def _rank(value: Rank) -> insight_pb2.Rank:
    return insight_pb2.Rank(agent_id=value["agent_id"], messaging_load=value.get("load"), time=_time(value.get("time")))


def _group_explained(value: GroupExplained) -> insight_pb2.GroupExplanation:
    return insight_pb2.GroupExplanation(
        group=_group(value["group"]),
        first_in_line=contact(value["first_in_line"]) if "first_in_line" in value else None,
        held_back=explanation(value["held_back"]) if "held_back" in value else None,
        item_owed=value.get("item_owed", False),
    )


def _request_explained(value: RequestExplained) -> insight_pb2.RequestExplanation:
    return insight_pb2.RequestExplanation(
        contact=contact(value["contact"]) if "contact" in value else None,
        own=conversation(value["own"]) if "own" in value else None,
        nothing=explanation(value["nothing"]) if "nothing" in value else None,
    )


def _group_queue(value: GroupQueue) -> insight_pb2.GroupQueue:
    return insight_pb2.GroupQueue(
        group=_group(value["group"]),
        waiting_count=value["waiting"],
        overdue_count=value["overdue"],
        oldest_queue_time=_time(value.get("oldest")),
        available_count=value["available"],
        ready_count=value["ready"],
        busy_count=value["busy"],
        focus_count=value["focus"],
        away_count=value["away"],
        paused_count=value["paused"],
    )

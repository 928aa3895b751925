"""The three rows: what an agent, an adapter and a waiting customer feel. Floor and maitred take turns in each."""

import asyncio
import time
from collections.abc import Callable

from benchmarks.agents import ONE_HOUR, staff
from benchmarks.figures import Row
from benchmarks.ledger import ATTRIBUTES, Ledger
from benchmarks.pace import PATIENCE_SECONDS, Act, at_rate, by_callers, times
from benchmarks.plan import Plan
from benchmarks.site import TIMEOUT, Site
from maitred.v1.channel_pb2 import CHANNEL_CHAT, CHANNEL_GROUP_MESSAGING, CHANNEL_GROUP_VOICE, CHANNEL_VOICE
from maitred.v1.contact_pb2 import Offer
from maitred.v1.intake_service_pb2 import SubmitContactRequest
from maitred.v1.intake_service_pb2_grpc import IntakeServiceStub
from maitred.v1.routing_admin_service_pb2 import PutInboxRequest

LATENCY = {"p50": 0.50, "p99": 0.99}
FLOOR_CALL = "call sent → reply read, at the same rate"
# Callers who fill a queue before it is measured.
FILLERS = 16


async def measure_push(site: Site, plan: Plan, ledger: Ledger) -> Row:
    """SubmitContact sent → offer read from the agent's stream; the agents accept and close at once."""
    row = Row(
        title=f"push: SubmitContact sent → offer on the agent's stream, {plan.rate}/s, {plan.push_agents} agents",
        unit="ms",
        shown=LATENCY,
        floor_is=FLOOR_CALL,
    )
    sent_at: dict[str, float] = {}
    latencies: list[float] = []

    def offered(offer: Offer, read_at: float) -> None:
        latencies.append((read_at - sent_at[offer.contact.contact_id]) * 1000)

    async def submit(_: int) -> None:
        request = ledger.new_contact("push", CHANNEL_CHAT)
        sent_at[request.contact_id] = time.perf_counter()
        await site.intake.SubmitContact(request, timeout=TIMEOUT)
        ledger.submitted += 1

    async with staff(site, ledger, "push", plan.push_agents, CHANNEL_GROUP_MESSAGING) as agents:
        for agent in agents:
            agent.on_offer = offered
            agent.closes_at_once = True
        await at_rate(plan.rate, plan.seconds / 4, submit)
        await _until(lambda: len(latencies) == len(sent_at) and not any(agent.taking for agent in agents))
        for _ in range(plan.rounds):
            row.floor.values.append(await floor_latencies(site, plan.rate, plan.seconds))
            latencies.clear()
            sent_at.clear()
            await at_rate(plan.rate, plan.seconds, submit)
            await _until(lambda: len(latencies) == len(sent_at) and not any(agent.taking for agent in agents))
            row.ours.values.append(list(latencies))
    return row


async def measure_intake(site: Site, plan: Plan, ledger: Ledger) -> tuple[Row, dict[str, float]]:
    """Unary SubmitContact calls a second; nobody is free, so the customers wait. And the processor time of one call."""
    row = Row(
        title=f"intake: unary SubmitContact, {plan.callers} callers at once; the customers wait",
        unit="calls/s",
        shown={"": 0.5},
        floor_is="calls of the bare server by as many callers",
    )
    await site.admin.PutInbox(PutInboxRequest(inbox_id="intake", sla=ONE_HOUR), timeout=TIMEOUT)

    async def submit(_: int) -> None:
        await site.intake.SubmitContact(ledger.new_contact("intake", CHANNEL_CHAT), timeout=TIMEOUT)
        ledger.submitted += 1

    await by_callers(plan.callers, plan.seconds / 4, submit)
    cpu = {"router": 0.0, "its store": 0.0, "floor": 0.0, "the floor's store": 0.0}
    calls = {"router": 0.0, "floor": 0.0}
    for _ in range(plan.rounds):
        for name, rounds, act in (("floor", row.floor, _floor_call(site.floor)), ("router", row.ours, submit)):
            before = site.cpu_seconds(name), site.cpu_seconds("store")
            rate = await by_callers(plan.callers, plan.seconds, act)
            rounds.values.append([rate])
            calls[name] += rate * plan.seconds
            cpu[name] += site.cpu_seconds(name) - before[0]
            cpu["its store" if name == "router" else "the floor's store"] += site.cpu_seconds("store") - before[1]
    per_call = {name: seconds / calls["floor" if "floor" in name else "router"] * 1e6 for name, seconds in cpu.items()}
    return row, per_call


async def measure_freed(site: Site, plan: Plan, ledger: Ledger) -> Row:
    """An agent closes a call → the next waiting caller rings on the agent's stream; the queue is never empty."""
    row = Row(
        title=f"freed: agent closes → next waiting caller on the stream, {plan.rate}/s, {plan.free_agents} agents",
        unit="ms",
        shown=LATENCY,
        floor_is=FLOOR_CALL,
    )
    freed_at: dict[str, float] = {}
    latencies: list[float] = []

    def offered(offer: Offer, read_at: float) -> None:
        if offer.agent_id in freed_at:
            latencies.append((read_at - freed_at.pop(offer.agent_id)) * 1000)

    async def submit(_: int) -> None:
        await site.intake.SubmitContact(ledger.new_contact("freed", CHANNEL_VOICE), timeout=TIMEOUT)
        ledger.submitted += 1

    async with staff(site, ledger, "freed", plan.free_agents, CHANNEL_GROUP_VOICE) as agents:
        for agent in agents:
            agent.on_offer = offered
        events = round(plan.rate * plan.seconds)
        await times(plan.free_agents + events * plan.rounds + 100, FILLERS, submit)
        await _until(lambda: all(agent.conversations for agent in agents))

        async def close(number: int) -> None:
            agent = agents[number % len(agents)]
            freed_at[agent.agent_id] = time.perf_counter()
            await agent.closes()

        for _ in range(plan.rounds):
            row.floor.values.append(await floor_latencies(site, plan.rate, plan.seconds))
            latencies.clear()
            await at_rate(plan.rate, plan.seconds, close)
            await _until(lambda: not freed_at and all(agent.conversations for agent in agents))
            row.ours.values.append(list(latencies))
    return row


def _floor_call(floor: IntakeServiceStub) -> Act:
    request = SubmitContactRequest(
        contact_id="contact-1",
        customer_id="customer-1",
        channel=CHANNEL_CHAT,
        inbox_id="floor",
        attributes=ATTRIBUTES,
    )

    async def call(_: int) -> None:
        await floor.SubmitContact(request, timeout=TIMEOUT)

    return call


async def floor_latencies(site: Site, rate: int, seconds: float) -> list[float]:
    """Returns how long calls of the bare server take, at the rate, in ms."""
    latencies: list[float] = []
    call_floor = _floor_call(site.floor)

    async def call(number: int) -> None:
        sent_at = time.perf_counter()
        await call_floor(number)
        latencies.append((time.perf_counter() - sent_at) * 1000)

    await at_rate(rate, seconds, call)
    return latencies


async def _until(done: Callable[[], bool]) -> None:
    """Waits for what the agents have yet to do."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not done():  # noqa: ASYNC110 (what it waits for is in many places)
            await asyncio.sleep(0.005)

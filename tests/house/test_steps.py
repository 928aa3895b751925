"""A step's header is its contract: what it says is what the step does, and what store.py calls."""

import re
from pathlib import Path

import pytest

from tests.house.sources import REASONS, ROOT, SERVICES, STEPS, Step, calls_of_steps, enum_words, lua_functions

EVERY_STEP = pytest.mark.parametrize("step", STEPS, ids=str)
FUNCTIONS = lua_functions()

# A header says of its last argument that it comes as often as wanted.
VARIADIC = "one argument each"
# Steps that change an agent of presence share their first seven arguments: lib/changes.lua names and reads them, and
# store.py's _change takes them from the command. Of a command to the router, store.py's _command adds the agent, the
# request and who gave it.
SHARED = "changes.begin"
SHARED_COUNT = 7
ADDED = {("presence_service", "_change"): 6, ("router_service", "_command"): 3}
# Words that stay within the router's steps: what an agent is owed mail for.
INTERNAL_WORDS = {"FOCUS_LEFT"}
LIBRARIES = [
    path
    for folder in ("maitred/store/lua", *(f"{service}/store/lua/lib" for service in SERVICES))
    for path in sorted((ROOT / folder).glob("*.lua"))
]


@EVERY_STEP
def test_the_header_names_keys_arguments_answers_and_cost(step: Step) -> None:
    assert step.names("KEYS", "ARGV") == ["prefix"]
    assert step.names("ARGV", "Returns")[0] in ("mode", "clock")
    assert step.part("Returns", r"O\(")


@EVERY_STEP
def test_the_header_names_as_many_arguments_as_the_body_uses(step: Step) -> None:
    names = step.names("ARGV", "Returns")
    used = [int(index) for index in re.findall(r"ARGV\[(\d+)\]", step.body)]
    highest = max([1, *used, *([SHARED_COUNT] if SHARED in step.body else [])])
    is_variadic = VARIADIC in step.part("ARGV", "Returns").splitlines()[-1]
    assert is_variadic == ("#ARGV" in step.body)
    if is_variadic:
        assert highest < len(names)
    else:
        assert highest == len(names)


@pytest.mark.parametrize("service", SERVICES)
def test_store_py_passes_what_the_header_names(service: str) -> None:
    for how, name, count in calls_of_steps(service):
        names = Step(service, name).names("ARGV", "Returns")
        if count is None:
            assert VARIADIC in Step(service, name).part("ARGV", "Returns"), f"{name} is called with any number"
        else:
            # The clock's mode comes first, from the kit.
            added = ADDED.get((service, how), 0)
            assert 1 + count + added == len(names), f"{name} is called with as many arguments as it names"


@EVERY_STEP
def test_every_step_is_called(step: Step) -> None:
    """From store.py, or for the loops that fire timers by its name."""
    called = {name for _, name, _ in calls_of_steps(step.service)}
    others = [path.read_text() for path in Path(ROOT / step.service).glob("*.py")]
    assert step.name in called or any(f'"{step.name}"' in text for text in others)


@pytest.mark.parametrize("service", SERVICES)
def test_what_store_py_calls_is_there(service: str) -> None:
    called = {name for _, name, _ in calls_of_steps(service)}
    assert called
    assert called <= {step.name for step in STEPS if step.service == service}


@EVERY_STEP
def test_the_header_lists_exactly_the_refusals_that_the_step_may_answer(step: Step) -> None:
    listed = set(re.findall(r"[A-Z_]{4,}", step.part("Returns", r"O\("))) & REASONS
    texts = [step.body, *(FUNCTIONS[step.service].get(name, "") for name in re.findall(r"\w+\.\w+", step.body))]
    # That a request brings nothing is an answer, and some of its words are those of refusals.
    answered = {word for text in texts for word in re.findall(r"(?<!nothing = )'([A-Z_]+)'", text)} & REASONS
    assert answered == listed


def test_every_word_the_router_answers_is_one_of_the_contract() -> None:
    """A misspelt reason, outcome or hold would only be noticed when it happens."""
    contract = enum_words() | INTERNAL_WORDS
    for path in (ROOT / "router_service/store/lua").rglob("*.lua"):
        words = set(re.findall(r"'([A-Z]+(?:_[A-Z]+)+)'", path.read_text()))
        assert words <= contract, path.name
        assert set(re.findall(r"step\.refuse\('(\w+)'", path.read_text())) <= REASONS, path.name


def test_what_a_library_collects_in_a_run_it_forgets_before_the_next() -> None:
    """Libraries stay loaded: whatever is empty or unset in one to begin with is set anew by its `reset`."""
    for path in LIBRARIES:
        text = path.read_text()
        collected = re.findall(r"^(?:local )?(\w+(?:[.,] ?\w+)*) = \{\}$|^local (\w+(?:, \w+)*)$", text, re.MULTILINE)
        reset = re.search(r"^function \w+\.reset\(\)\n(.*?)^end$", text, re.MULTILINE | re.DOTALL)
        for names in collected:
            for name in re.split(r", ?", "".join(names)):
                assert reset is not None, f"{path.name}: {name}"
                assert re.search(rf"\b{re.escape(name)}\b.* = ", reset[1]), f"{path.name}: {name}"

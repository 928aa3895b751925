"""The loader: what is sent to the server, and whose line an error is in."""

from pathlib import Path

import pytest

from maitred.store.client import Store
from maitred.store.errors import StepFailed
from maitred.store.steps import Steps

from .conftest import STEPS


def test_each_file_is_one_step_named_after_it() -> None:
    assert {"count", "echo", "fire_timers"} <= set(STEPS)
    assert "trap" not in STEPS


def test_all_steps_are_one_library_named_by_what_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {step.library for step in STEPS.values()} == {STEPS["count"].library}
    names = []
    for release, text in (("one", "return { 'OK' }"), ("two", "return { 'OK', 'now' }")):
        folder = tmp_path / release / "steps_of_a_release" / "lua"
        folder.mkdir(parents=True)
        (folder / "look.lua").write_text(text)
        with monkeypatch.context() as patched:
            patched.syspath_prepend(tmp_path / release)
            names.append(Steps.load("steps_of_a_release")["look"].function)
    assert names[0] != names[1]


async def test_a_step_keeps_the_flags_of_its_first_line(store: Store) -> None:
    await store.run("echo", "acme", "here")
    (library,) = await store.redis.function_list(STEPS["echo"].library.name)
    functions = [dict(zip(each[::2], each[1::2], strict=True)) for each in library[library.index(b"functions") + 1]]
    flags = {function[b"name"].decode(): function[b"flags"] for function in functions}
    assert flags[STEPS["echo"].function] == [b"no-writes"]
    assert flags[STEPS["release"].function] == [b"allow-oom"]
    assert flags[STEPS["count"].function] == []


async def test_an_error_names_our_file_and_line(store: Store) -> None:
    with pytest.raises(StepFailed, match=r"^break_off: .*tests/store_kit/steps/lua/lib/trap\.lua:4: sprung by a test"):
        await store.run("break_off", "acme", "library")
    with pytest.raises(StepFailed, match=r"tests/store_kit/steps/lua/break_off\.lua:10"):
        await store.run("break_off", "acme", "step")


def test_a_package_without_libraries_of_its_own_has_the_shared_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "plain_steps" / "lua"
    folder.mkdir(parents=True)
    (folder / "look.lua").write_text("return { 'OK', clock.now() }")
    monkeypatch.syspath_prepend(tmp_path)
    steps = Steps.load("plain_steps")
    assert list(steps) == ["look"]
    assert len(steps) == 1
    assert "function clock.now()" in steps["look"].library.source


async def test_an_unknown_step_is_a_key_error(store: Store) -> None:
    with pytest.raises(KeyError):
        await store.run("no_such_step", "acme")


def test_two_libraries_of_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "clashing_steps" / "lua" / "lib"
    library.mkdir(parents=True)
    (library / "clock.lua").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="clock"):
        Steps.load("clashing_steps")

"""The repository knows no place but itself: no package registry's address, no path of somebody's machine."""

import re
import subprocess

from tests.house.sources import ROOT

REGISTRY = re.compile(r"https?://[\w.-]*(?:pypi|pythonhosted|npmjs|debian)\b", re.IGNORECASE)
# Written so that this file passes.
MACHINE = re.compile(r"(?<![\w.}])/(?:wor[k]|roo[t]|hom[e]|User[s])/")


def test_no_file_names_a_registry_or_a_machines_folder() -> None:
    """The lock file included: what is installed comes from whichever index the user has."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True)
    names = [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    assert "requirements.lock" in names
    found = {}
    for name in names:
        text = (ROOT / name).read_text(errors="replace")
        if places := REGISTRY.findall(text) + MACHINE.findall(text):
            found[name] = places
    assert found == {}

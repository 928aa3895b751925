"""Becomes a service that the kernel kills when the tests' process dies: `python tied.py PARENT MODULE`."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: int, module: str) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        sys.exit("the parent has ended already")
    os.execv(sys.executable, [sys.executable, "-m", module])


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])

"""Runs the service: `python -m presence_service`, configured by MAITRED_PRESENCE_*."""

import sys

from presence_service.app import main

if __name__ == "__main__":
    sys.exit(main())

"""Runs the service: `python -m router_service`, configured by MAITRED_ROUTER_*."""

import sys

from router_service.app import main

if __name__ == "__main__":
    sys.exit(main())

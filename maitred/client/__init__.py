"""The Python SDK: typed stubs for both services, with deadlines, repeats and streams that resume."""

from maitred.client.client import Maitred

__all__ = ["Maitred"]

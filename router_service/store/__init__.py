"""The router's keys and atomic steps."""

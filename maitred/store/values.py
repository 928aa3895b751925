"""What comes back from a store, as Python values."""


def text_of(value: bytes | str) -> str:
    """Return a reply as text; the driver's types allow both kinds, its wire gives bytes."""
    return value.decode() if isinstance(value, bytes) else value

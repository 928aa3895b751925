"""The keys that the store kit itself owns. The tag in braces keeps a tenant's keys in one cluster slot."""


def prefix(service: str, tenant: str) -> str:
    """What every key of one tenant in one service begins with; steps get it as KEYS[1]."""
    return f"{{{tenant}}}:{service}:"


def clock_key(service: str, tenant: str) -> str:
    """String: the tenant's manual time in ms; kept; only under the manual clock."""
    return f"{prefix(service, tenant)}clock"


def timers_key(service: str, tenant: str) -> str:
    """Sorted set: names of timers by due time in ms; kept."""
    return f"{prefix(service, tenant)}timers"


def feed_key(service: str, tenant: str) -> str:
    """Stream: the tenant's changes, id ``<revision>-0``; kept, trimmed to about 100,000."""
    return f"{prefix(service, tenant)}feed"


def tenants_key(service: str) -> str:
    """Set: all tenants of the service; kept."""
    return f"maitred:{service}:tenants"


def schema_key(service: str) -> str:
    """String: the number of the schema the store's keys follow; kept."""
    return f"maitred:{service}:schema"


def clock_mode_key(service: str) -> str:
    """String: ``real`` or ``manual``; kept."""
    return f"maitred:{service}:clock-mode"


def manual_time_key(service: str) -> str:
    """String: the manual time in ms that all tenants have or are being moved to; kept."""
    return f"maitred:{service}:clock"


def bell_channel(service: str, topic: str) -> str:
    """Channel, no key: hints of one topic."""
    return f"maitred:{service}:bell:{topic}"

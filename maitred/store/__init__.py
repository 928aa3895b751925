"""How a service speaks to its store: atomic Lua steps, the clock, timers, repeats, the feed.

* ``steps`` loads the Lua files, ``client`` runs them, ``errors`` says what can go wrong;
* ``timers`` and ``manual_clock`` let time pass, ``feed`` and ``doorbell`` tell other readers;
* ``embedded`` starts a server of our own.
"""

"""Keeps what is known about each agent's presence, and tells the router of every change under a lease.

* ``app`` puts it together and runs it, ``settings`` is what an operator can set;
* ``servicer`` (agent apps) and ``feed_servicer`` (routers) are the wire, ``codec`` and ``failures`` their tables;
* ``presence`` is what can be asked, ``follow`` who is told;
* ``store`` is everything in Redis: the keys and one Lua file for each atomic step;
* ``domain`` and ``errors`` are the words.
"""

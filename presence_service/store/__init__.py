"""Everything presence keeps in Redis: the keys, the atomic steps, and the store that runs them."""

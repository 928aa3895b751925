"""router_service: brings customers to agents.

A request goes down and a result comes up: `app` wires, `servicer` speaks gRPC, `codec` translates, `routing` is what
the service does, `store` runs the atomic steps in `store/lua`. `follower` keeps the view of presence, `dispatcher`
the agents' streams.
"""

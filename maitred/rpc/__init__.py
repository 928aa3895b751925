"""How our services speak gRPC: server, channel, calls, request checks, failures, health, reflection, logs.

It knows the contract (maitred.v1) and no store, and neither service.
"""

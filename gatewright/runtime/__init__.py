"""Sockets, the event loop, TLS, files, signals and worker processes: what carries the sans-I/O rooms into the world.

Nothing here decides: `reconcile` says what to send, `apiserver` what to answer, `control.admission` what to allow;
this room carries their effects and never branches on an answer.
"""

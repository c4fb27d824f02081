"""The shell without I/O: informer caches, work queues, execution of plans, leases, as values that take events and give
effects.

Joins `control` (what to do) and `kube` (how to say it). Driven by `runtime` over sockets and in process, and by `sim`
under a virtual clock; the public face is `shell`.
"""

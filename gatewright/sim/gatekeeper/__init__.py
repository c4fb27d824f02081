"""Gatekeeper's own algorithm as a peer in the simulated world, so that the harness can show what it finds there.

Written from the description of its controllers (lifecycle-races 1.1 to 1.7), one step for one step: cached reads,
retries inside a reconcile, deferred status writes. Nothing of the product uses it.
"""

"""The lifecycle explorer: whole clusters as values, every interleaving of small ones, many seeds of larger ones.

The product's own `reconcile`, `control` and `kube` code runs here on the sans-I/O API server under a virtual clock;
Gatekeeper's algorithm runs beside it as a peer, so that the harness can prove its own strength.
"""

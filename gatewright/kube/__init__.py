"""The client's side of the Kubernetes API without I/O: requests as values, answers read, list-and-watch as a state
machine.

Used by `reconcile`, `runtime`, `client` and `cli`; carrying requests is left to `runtime`.
"""

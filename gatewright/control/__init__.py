"""What the cluster should hold: one pure plan per concern.

Called by `reconcile`, which fills each plan's `Seen` through a `View`, records what was read (so that every input has
a watch edge, by construction) and carries out the intents. Nothing here does I/O, reads a clock or keeps state.
"""

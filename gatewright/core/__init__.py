"""Values and rules that every other room builds on: no I/O, no clock, no knowledge of policies or a cluster's state."""

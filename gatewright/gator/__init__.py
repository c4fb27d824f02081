"""Policies before the cluster: suites, `test` and `verify`, as Gatekeeper's gator runs them."""

"""The embedded Kubernetes API server, without I/O: a request is a generator of effects over a persistent state.

`handling.handle` answers requests, `watching.pump` feeds watches, `actors` holds the server's own controllers,
`driver.Engine` carries the
effects for in-process use. Sockets, TLS and files are the runtime's; this room imports only core.
"""

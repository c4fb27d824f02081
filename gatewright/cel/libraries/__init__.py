"""Function libraries of CEL: the standard one, cel-go's extensions and Kubernetes' own.

Each module declares its functions as a `Library`; `gatewright.cel.environment` puts them together by Kubernetes'
table of versions.
"""

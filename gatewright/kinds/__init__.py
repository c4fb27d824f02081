"""Our resources as frozen records, read and written per served version, and the CRDs that declare them. Knows the
wire, decides nothing."""

"""Measures what users wait for: `python -m bench`, behind `make bench`.

No time is asserted in tests; what they hold is that the policies written by hand answer as the compiled ones do.
"""

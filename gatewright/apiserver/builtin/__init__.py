"""Built-in kinds: how the API server decodes, defaults and validates them. Data tables plus small functions, one
module a family."""

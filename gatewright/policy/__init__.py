"""What a policy means: templates and constraints, what they match, how they are evaluated, and what they answer.

Called by `control`, `gator`, `runtime` and `sim`. Pure: values in, values out. The engines are in `drivers`, over
`rego` (and later `cel`).
"""

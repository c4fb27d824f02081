"""CustomResourceDefinitions and the resources they define: validation, names, versions, columns, and the strategy of
custom resources.

`definition` and `strategy` are about the CustomResourceDefinition objects, `served` and `custom` about the objects
they define, `naming` holds the actors that accept names and establish. Everything is a pure function of its arguments.
"""

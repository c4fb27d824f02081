"""Builtins of GraphQL: graphql.parse*, graphql.is_valid, graphql.schema_is_valid. Validation by the rules of the
GraphQL specification (sections 3 and 5) that gqlparser, on which OPA's verdicts rest, also makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gatewright.rego.builtins.graphql_syntax import QueryReader, SchemaReader, Token, Tree
from gatewright.rego.builtins.registry import builtin, wrong_type
from gatewright.rego.errors import BuiltinError
from gatewright.rego.values import is_object

SCALARS = ("Int", "Float", "String", "Boolean", "ID")
COMPOSITE = ("OBJECT", "INTERFACE", "UNION")
INPUTS = ("SCALAR", "ENUM", "INPUT_OBJECT")
_STRING: Tree = {"NamedType": "String", "NonNull": False}
_BOOLEAN: Tree = {"NamedType": "Boolean", "NonNull": True}
DIRECTIVES: dict[str, Tree] = {
    "include": {"Name": "include", "Arguments": [{"Name": "if", "Type": _BOOLEAN}]},
    "skip": {"Name": "skip", "Arguments": [{"Name": "if", "Type": _BOOLEAN}]},
    "deprecated": {"Name": "deprecated", "Arguments": [{"Name": "reason", "Type": _STRING, "DefaultValue": {}}]},
    "specifiedBy": {"Name": "specifiedBy", "Arguments": [{"Name": "url", "Type": _STRING | {"NonNull": True}}]},
    "defer": {"Name": "defer", "Arguments": [{"Name": "if", "Type": _STRING}, {"Name": "label", "Type": _STRING}]},
    "oneOf": {"Name": "oneOf"},
}


class Invalid(BuiltinError):
    """A document breaks a rule."""


def _base(t: Tree) -> str:
    while "Elem" in t:
        t = t["Elem"]
    return str(t["NamedType"])


def _type_text(t: Tree) -> str:
    inner = f"[{_type_text(t['Elem'])}]" if "Elem" in t else str(t["NamedType"])
    return inner + ("!" if t.get("NonNull") else "")


class Schema:
    """A schema document with its extensions merged, checked when made. Raises Invalid."""

    def __init__(self, document: Tree) -> None:
        self.types: dict[str, Tree] = {n: {"Kind": "SCALAR", "Name": n} for n in SCALARS}
        for name in ("__Schema", "__Type"):
            self.types[name] = {"Kind": "OBJECT", "Name": name, "Fields": [], "BuiltIn": True}
        self.directives = {**DIRECTIVES, **{d["Name"]: d for d in document.get("Directives", [])}}
        for d in document.get("Definitions", []):
            if d["Name"] in self.types and d["Name"] not in SCALARS:
                raise Invalid(f"Cannot redeclare type {d['Name']}.")
            self.types[d["Name"]] = d
        for e in document.get("Extensions", []):
            self.types[e["Name"]] = self._extended(e)
        self.roots = self._roots(document)
        for t in list(self.types.values()):
            self._check(t)

    def _extended(self, e: Tree) -> Tree:
        old = self.types.get(e["Name"])
        if old is None:
            return e
        if old["Kind"] != e["Kind"]:
            raise Invalid(f"Cannot extend type {e['Name']} because the base type is a {old['Kind']}, not {e['Kind']}.")
        out = dict(old)
        for key in ("Fields", "Interfaces", "Types", "EnumValues", "Directives"):
            if key in e:
                out[key] = [*out.get(key, []), *e[key]]
        return out

    def _roots(self, document: Tree) -> dict[str, str]:
        schemas = document.get("Schema", [])
        if len(schemas) > 1:
            raise Invalid("Cannot have multiple schema entry points, consider schema extensions instead.")
        roots: dict[str, str] = {}
        for s in [*schemas, *document.get("SchemaExtension", [])]:
            for o in s.get("OperationTypes", []):
                if o["Type"] not in self.types:
                    raise Invalid(f"Schema root {o['Operation']} refers to a type {o['Type']} that does not exist.")
                roots[o["Operation"]] = o["Type"]
            self._check_directives(s)
        if not schemas:
            for operation, name in (("query", "Query"), ("mutation", "Mutation"), ("subscription", "Subscription")):
                if name in self.types:
                    roots.setdefault(operation, name)
        return roots

    def _check_directives(self, tree: Tree) -> None:
        for d in tree.get("Directives", []):
            if d["Name"] not in self.directives:
                raise Invalid(f"Undefined directive {d['Name']}.")

    def _known(self, t: Tree) -> Tree:
        name = _base(t)
        if name not in self.types:
            raise Invalid(f"Undefined type {name}.")
        return self.types[name]

    def _check(self, t: Tree) -> None:
        kind, name = t["Kind"], t["Name"]
        if t.get("BuiltIn"):
            return
        if name.startswith("__"):
            raise Invalid(f'Name "{name}" must not begin with "__", which is reserved by GraphQL introspection.')
        self._check_directives(t)
        if kind in ("OBJECT", "INTERFACE", "INPUT_OBJECT") and not t.get("Fields"):
            raise Invalid(f"{kind} {name}: must define one or more fields.")
        if kind == "ENUM" and not t.get("EnumValues"):
            raise Invalid(f"{kind} {name}: must define one or more unique enum values.")
        for member in t.get("Types", []):
            if self.types.get(member, {}).get("Kind") != "OBJECT":
                raise Invalid(f"UNION type {member} must be an object that exists.")
        seen = set()
        for f in t.get("Fields", []):
            if f["Name"] in seen:
                raise Invalid(f"Field {name}.{f['Name']} can only be defined once.")
            seen.add(f["Name"])
            self._check_field(t, f)
        for i in t.get("Interfaces", []):
            self._check_interface(t, i)

    def _check_field(self, t: Tree, f: Tree) -> None:
        if f["Name"].startswith("__"):
            raise Invalid(f'Name "{f["Name"]}" must not begin with "__", which is reserved by GraphQL introspection.')
        kind = self._known(f["Type"])["Kind"]
        if t["Kind"] == "INPUT_OBJECT" and kind not in INPUTS:
            raise Invalid(f"{kind} field must be one of SCALAR, ENUM, INPUT_OBJECT.")
        if t["Kind"] != "INPUT_OBJECT" and kind == "INPUT_OBJECT":
            raise Invalid("field must not be an INPUT_OBJECT.")
        self._check_directives(f)
        for a in f.get("Arguments", []):
            if self._known(a["Type"])["Kind"] not in INPUTS:
                raise Invalid(f"cannot use {_base(a['Type'])} as argument {a['Name']}")
            self._check_directives(a)

    def _check_interface(self, t: Tree, name: str) -> None:
        interface = self.types.get(name)
        if interface is None or interface["Kind"] != "INTERFACE":
            raise Invalid(f"Undefined type {name}.")
        own = {f["Name"] for f in t.get("Fields", [])}
        for f in interface.get("Fields", []):
            if f["Name"] not in own:
                raise Invalid(f"For {t['Name']} to implement {name} it must have a field called {f['Name']}.")

    # -- for queries
    def field(self, type_name: str, field: str) -> Tree | None:
        if field == "__typename":
            return {"Name": field, "Type": {"NamedType": "String", "NonNull": True}}
        if type_name == self.roots.get("query") and field in ("__schema", "__type"):
            return {"Name": field, "Type": {"NamedType": "__" + field[2:].title(), "NonNull": False}}
        found = (f for f in self.types.get(type_name, {}).get("Fields", []) if f["Name"] == field)
        return next(found, None)


class Query:
    """Checks a query document against a schema. Raises Invalid at the first rule that is broken."""

    def __init__(self, document: Tree, schema: Schema, places: dict[int, Token]) -> None:
        self.document = document
        self.schema = schema
        self.places = places
        self.fragments = {f["Name"]: f for f in document.get("Fragments", [])}
        self.variables: dict[str, Tree] = {}
        self.used: set[str] = set()
        self.spread: set[str] = set()

    def fail(self, message: str, tree: Tree) -> None:
        t = self.places.get(id(tree))
        raise Invalid(message + (f" in GraphQL string at location {t.row}:{t.col}" if t else ""))

    def check(self) -> None:
        operations = self.document.get("Operations", [])
        names = [o["Name"] for o in operations]
        if len(names) > 1 and "" in names:
            self.fail("This anonymous operation must be the only defined operation.", operations[names.index("")])
        if len(set(names)) != len(names):
            self.fail("There can be only one operation of each name.", operations[0])
        for f in self.fragments.values():
            self.condition(f)
            self.cycle(f["Name"], ())
        for o in operations:
            self.operation(o)
        for name, f in self.fragments.items():
            if name not in self.spread:
                self.fail(f'Fragment "{name}" is never used.', f)

    def condition(self, f: Tree) -> str:
        name = str(f["TypeCondition"])
        t = self.schema.types.get(name)
        if t is None:
            self.fail(f'Unknown type "{name}".', f)
        elif t["Kind"] not in COMPOSITE:
            self.fail(f'Fragment cannot condition on non composite type "{name}".', f)
        return name

    def cycle(self, name: str, trail: tuple[str, ...]) -> None:
        if name in trail:
            self.fail(f'Cannot spread fragment "{name}" within itself.', self.fragments[name])
        for s in _spreads(self.fragments[name].get("SelectionSet", [])):
            if s in self.fragments and len(trail) < 100:
                self.cycle(s, (*trail, name))

    def operation(self, o: Tree) -> None:
        root = self.schema.roots.get(o["Operation"])
        if root is None:
            self.fail(f'Schema does not support operation type "{o["Operation"]}"', o)
            return
        self.variables = {v["Variable"]: v for v in o.get("VariableDefinitions", [])}
        self.used = set()
        for v in self.variables.values():
            kind = self.schema.types.get(_base(v["Type"]), {}).get("Kind")
            if kind is None:
                self.fail(f'Unknown type "{_base(v["Type"])}".', v)
            elif kind not in INPUTS:
                self.fail(f'Variable "${v["Variable"]}" cannot be non-input type "{_type_text(v["Type"])}".', v)
        self.directives(o)
        self.selections(o["SelectionSet"], root, frozenset())
        for name, v in self.variables.items():
            if name not in self.used:
                self.fail(f'Variable "${name}" is never used in operation "{o["Name"]}".', v)

    def directives(self, tree: Tree) -> None:
        for d in tree.get("Directives", []):
            definition = self.schema.directives.get(d["Name"])
            if definition is None:
                self.fail(f'Unknown directive "@{d["Name"]}".', d)
                return
            self.arguments(d, definition, f'Directive "@{d["Name"]}"')

    def selections(self, selections: list[Tree], type_name: str, inside: frozenset[str]) -> None:
        for s in selections:
            self.directives(s)
            if "Alias" in s:
                self.field(s, type_name, inside)
            elif "TypeCondition" in s:
                inner = self.condition(s) if s["TypeCondition"] else type_name
                self.selections(s["SelectionSet"], inner, inside)
            elif s["Name"] not in self.fragments:
                self.fail(f'Unknown fragment "{s["Name"]}".', s)
            elif s["Name"] not in inside:
                self.spread.add(s["Name"])
                f = self.fragments[s["Name"]]
                self.directives(f)
                self.selections(f["SelectionSet"], str(f["TypeCondition"]), inside | {s["Name"]})

    def field(self, s: Tree, type_name: str, inside: frozenset[str]) -> None:
        definition = self.schema.field(type_name, s["Name"])
        if definition is None:
            if not type_name.startswith("__"):
                self.fail(f'Cannot query field "{s["Name"]}" on type "{type_name}".', s)
            return
        self.arguments(s, definition, f'Field "{s["Name"]}"')
        base = _base(definition["Type"])
        composite = self.schema.types.get(base, {}).get("Kind") in COMPOSITE
        if composite and "SelectionSet" not in s:
            text = f'Field "{s["Name"]}" of type "{_type_text(definition["Type"])}" must have a selection of subfields.'
            self.fail(text, s)
        if not composite and "SelectionSet" in s:
            text = f'Field "{s["Name"]}" must not have a selection since type "{_type_text(definition["Type"])}"'
            self.fail(f"{text} has no subfields.", s)
        self.selections(s.get("SelectionSet", []), base, inside)

    def arguments(self, s: Tree, definition: Tree, what: str) -> None:
        given = {a["Name"]: a for a in s.get("Arguments", [])}
        known = {a["Name"]: a for a in definition.get("Arguments", [])}
        for name, a in given.items():
            if name not in known and not str(definition["Name"]).startswith("__"):
                self.fail(f'Unknown argument "{name}" on {what[0].lower()}{what[1:]}.', a)
            elif name in known:
                self.value(a["Value"], known[name]["Type"])
        for name, a in known.items():
            if a["Type"].get("NonNull") and "DefaultValue" not in a and name not in given:
                text = (
                    f'{what} argument "{name}" of type "{_type_text(a["Type"])}" is required, but it was not provided'
                )
                self.fail(text, s)

    def value(self, v: Tree, t: Tree) -> None:
        kind = v["Kind"]
        if kind == 0:
            if v["Raw"] not in self.variables:
                self.fail(f'Variable "${v["Raw"]}" is not defined.', v)
            self.used.add(v["Raw"])
            return
        if kind == 6:
            if t.get("NonNull"):
                self.fail(f'Expected value of type "{_type_text(t)}", found null.', v)
            return
        if "Elem" in t:
            for c in v.get("Children", []) if kind == 8 else [{"Value": v}]:
                self.value(c["Value"], t["Elem"])
            return
        self.named_value(v, kind, self.schema.types.get(_base(t), {}))

    def named_value(self, v: Tree, kind: int, t: Tree) -> None:
        name = t.get("Name", "")
        fits = {"Int": (1,), "Float": (1, 2), "String": (3, 4), "Boolean": (5,), "ID": (1, 3, 4)}.get(name)
        if fits is not None and kind not in fits:
            self.fail(f"{name} cannot represent value: {v['Raw']}", v)
        if t.get("Kind") == "ENUM" and (kind != 7 or v["Raw"] not in {e["Name"] for e in t["EnumValues"]}):
            self.fail(f'Value "{v["Raw"]}" does not exist in "{name}" enum.', v)
        if t.get("Kind") == "INPUT_OBJECT":
            fields = {f["Name"]: f for f in t["Fields"]}
            given = {c["Name"]: c["Value"] for c in v.get("Children", [])}
            for k, child in given.items():
                if k not in fields:
                    self.fail(f'Field "{k}" is not defined by type "{name}".', v)
                self.value(child, fields[k]["Type"])
            for k, f in fields.items():
                if f["Type"].get("NonNull") and "DefaultValue" not in f and k not in given:
                    text = f'Field "{name}.{k}" of required type "{_type_text(f["Type"])}" was not provided.'
                    self.fail(text, v)


def _spreads(selections: list[Tree]) -> Iterator[str]:
    for s in selections:
        if "Alias" not in s and "TypeCondition" not in s:
            yield str(s["Name"])
        yield from _spreads(s.get("SelectionSet", []))


# -- builtins
def _query(x: Any) -> tuple[Tree, dict[int, Token]]:
    if isinstance(x, str):
        reader = QueryReader(x)
        return reader.document(), reader.places
    if is_object(x):
        return x, {}
    raise wrong_type(1, "string|object", x)


def _schema(x: Any) -> Tree:
    if isinstance(x, str):
        return SchemaReader(x).document()
    if is_object(x):
        return x  # type: ignore[no-any-return]
    raise wrong_type(2, "string|object", x)


def _both(query: Any, schema: Any) -> tuple[Tree, Tree]:
    q, places = _query(query)
    s = _schema(schema)
    try:
        Query(q, Schema(s), places).check()
    except (KeyError, TypeError, AttributeError, RecursionError) as e:
        raise BuiltinError(f"not a GraphQL document: {e}") from None
    return q, s


builtin("graphql.parse_query", "string", result="object")(lambda text: QueryReader(text).document())
builtin("graphql.parse_schema", "string", result="object")(lambda text: SchemaReader(text).document())


@builtin("graphql.parse", "string|object", "string|object", result="array")
def parse(query: Any, schema: Any) -> list[Any]:
    return [*_both(query, schema)]


@builtin("graphql.parse_and_verify", "string|object", "string|object", result="array")
def parse_and_verify(query: Any, schema: Any) -> list[Any]:
    try:
        return [True, *_both(query, schema)]
    except BuiltinError:
        return [False, {}, {}]


@builtin("graphql.is_valid", "string|object", "string|object", result="boolean")
def is_valid(query: Any, schema: Any) -> bool:
    return bool(parse_and_verify(query, schema)[0])


@builtin("graphql.schema_is_valid", "string|object", result="boolean")
def schema_is_valid(schema: Any) -> bool:
    try:
        Schema(_schema(schema))
    except (BuiltinError, KeyError, TypeError, AttributeError):
        return False
    return True

"""GraphQL documents to trees, in the shape that OPA's graphql builtins give (that of the Go package gqlparser, empty
parts left out).

Grammar: GraphQL specification, October 2021. Called by the graphql builtins. Trees are plain dicts; where an item
stood in the source is kept apart, in `places` (by identity), because the trees that policies see have no positions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from gatewright.rego.errors import BuiltinError

Tree = dict[str, Any]
_TOKEN = re.compile(
    r"""(?P<skip>[ \t\r\n,\ufeff]+|\#[^\n\r]*)
    |(?P<Block>\"\"\"(?:\\\"\"\"|(?!\"\"\")[\s\S])*\"\"\")
    |(?P<String>"(?!"")(?:\\u[0-9A-Fa-f]{4}|\\["\\/bfnrt]|[^"\\\n\r])*")
    |(?P<Float>-?(?:0|[1-9]\d*)(?:\.\d+(?:[eE][+-]?\d+)?|[eE][+-]?\d+)(?![\w.]))
    |(?P<Int>-?(?:0|[1-9]\d*)(?![\w.]))
    |(?P<Name>[A-Za-z_]\w*)
    |(?P<punct>\.\.\.|[!$&()=:@\[\]{|}])""",
    re.VERBOSE | re.ASCII,
)
_KINDS = {"Int": 1, "Float": 2, "String": 3, "Block": 4}
_LOCATIONS = """
    QUERY MUTATION SUBSCRIPTION FIELD FRAGMENT_DEFINITION FRAGMENT_SPREAD INLINE_FRAGMENT VARIABLE_DEFINITION
    SCHEMA SCALAR OBJECT FIELD_DEFINITION ARGUMENT_DEFINITION INTERFACE UNION ENUM ENUM_VALUE INPUT_OBJECT
    INPUT_FIELD_DEFINITION
"""
LOCATIONS = frozenset(_LOCATIONS.split())
MAX_DEPTH = 60


class Token(NamedTuple):
    kind: str
    value: str
    row: int
    col: int

    def __str__(self) -> str:
        if self.kind == "punct":
            return self.value
        if self.kind in ("<EOF>", "<Invalid>"):
            return self.kind
        return f'{self.kind} "{self.value}"'


def _unescaped(body: str) -> str:
    plain = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}

    def one(m: re.Match[str]) -> str:
        text = m.group(1)
        return chr(int(text[1:], 16)) if text[0] == "u" else plain.get(text, text)

    return re.sub(r"\\(u[0-9A-Fa-f]{4}|.)", one, body)


def block_value(raw: str) -> str:
    """The value of a block string: common indentation and blank first and last lines are cut (specification 2.9.4)."""
    lines = re.split(r"\r\n|\n|\r", raw.replace('\\"""', '"""'))
    widths = [len(x) - len(x.lstrip(" \t")) for x in lines[1:] if x.strip(" \t")]
    cut = min(widths, default=0)
    lines = [lines[0], *(x[cut:] for x in lines[1:])]
    while lines and not lines[0].strip(" \t"):
        lines.pop(0)
    while lines and not lines[-1].strip(" \t"):
        lines.pop()
    return "\n".join(lines)


def tokens(text: str) -> list[Token]:
    out: list[Token] = []
    i, row, line = 0, 1, 0
    while i < len(text):
        m = _TOKEN.match(text, i)
        col = i - line + 1
        if m is None:
            rest = text[i:]
            breaks = len(re.findall(r"\r\n|\n|\r", rest)) if rest.startswith('"""') else 0
            out.append(Token("<Invalid>", "", row + breaks, 1 if breaks else col))
            return out
        kind, value = str(m.lastgroup), m.group()
        if kind == "String":
            out.append(Token("String", _unescaped(value[1:-1]), row, col + 1))
        elif kind == "Block":
            out.append(Token("BlockString", block_value(value[3:-3]), row, col + 3))
        elif kind != "skip":
            out.append(Token(kind, value, row, col))
        for b in re.finditer(r"\r\n|\n|\r", value):
            row, line = row + 1, i + b.end()
        i = m.end()
    out.append(Token("<EOF>", "", row, len(text) - line + 1))
    return out


class _Reader:
    """What queries and schemas share."""

    def __init__(self, text: str) -> None:
        self.toks = tokens(text)
        self.i = 0
        self.depth = 0
        self.places: dict[int, Token] = {}

    @property
    def tok(self) -> Token:
        return self.toks[min(self.i, len(self.toks) - 1)]

    def at(self, value: str) -> bool:
        t = self.tok
        return t.kind in ("punct", "Name") and t.value == value

    def eat(self, value: str) -> bool:
        if self.at(value):
            self.i += 1
            return True
        return False

    def fail(self, message: str, t: Token | None = None) -> NoReturn:
        t = t or self.tok
        raise BuiltinError(f"{message} in GraphQL string at location {t.row}:{t.col}")

    def unexpected(self) -> NoReturn:
        self.fail(f"Unexpected {self.tok}")

    def want(self, value: str) -> None:
        if not self.eat(value):
            shown = value if not value.isalpha() else f'"{value}"'
            self.fail(f"Expected {shown}, found {self.tok}")

    def name(self) -> str:
        if self.tok.kind != "Name":
            self.fail(f"Expected Name, found {self.tok}")
        self.i += 1
        return self.toks[self.i - 1].value

    def many(self, start: str, end: str, item: Callable[[], Any], needed: bool = False) -> list[Any]:
        """Items between two tokens; nothing where the first is absent, and at least one where it is there."""
        if not self.at(start):
            if needed:
                self.want(start)
            return []
        self.want(start)
        out: list[Any] = []
        self.deeper()
        while not self.eat(end):
            if self.tok.kind in ("<EOF>", "<Invalid>"):
                self.fail(f"Expected {end if not out else 'Name'}, found {self.tok}")
            out.append(item())
        self.depth -= 1
        if not out:
            t = self.toks[self.i - 1]
            self.fail(f"expected at least one definition, found {t}", t)
        return out

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail("document is nested too deeply")

    def placed(self, tree: Tree, t: Token) -> Tree:
        self.places[id(tree)] = t
        return tree

    # -- common parts
    def type(self) -> Tree:
        self.deeper()
        out: Tree
        if self.eat("["):
            elem = self.type()
            self.want("]")
            out = {"NamedType": "", "Elem": elem}
        else:
            out = {"NamedType": self.name()}
        out["NonNull"] = self.eat("!")
        self.depth -= 1
        return out

    def value(self, constant: bool) -> Tree:
        t = self.tok
        self.deeper()
        out: Tree = {"ExpectedTypeHasDefault": False}
        if t.kind in ("Int", "Float", "String", "BlockString"):
            self.i += 1
            out |= {"Raw": t.value, "Kind": _KINDS[t.kind.removesuffix("String") or "String"]}
        elif t.kind == "Name":
            self.i += 1
            kind = {"true": 5, "false": 5, "null": 6}.get(t.value, 7)
            out |= {"Raw": t.value, "Kind": kind}
        elif t.value == "$" and t.kind == "punct" and not constant:
            self.i += 1
            out |= {"Raw": self.name(), "Kind": 0}
        elif t.value == "[":
            self.i += 1
            children = []
            while not self.eat("]"):
                children.append({"Name": "", "Value": self.value(constant)})
            out |= {"Raw": "", "Kind": 8} | ({"Children": children} if children else {})
        elif t.value == "{":
            self.i += 1
            fields = []
            while not self.eat("}"):
                key = self.name()
                self.want(":")
                fields.append({"Name": key, "Value": self.value(constant)})
            out |= {"Raw": "", "Kind": 9} | ({"Children": fields} if fields else {})
        else:
            self.unexpected()
        self.depth -= 1
        return self.placed(out, t)

    def argument(self, constant: bool) -> Tree:
        t = self.tok
        name = self.name()
        self.want(":")
        return self.placed({"Name": name, "Value": self.value(constant)}, t)

    def directives(self, constant: bool) -> Tree:
        out = []
        while self.at("@"):
            t = self.tok
            self.i += 1
            tree: Tree = {"Name": self.name(), "Location": ""}
            arguments = self.many("(", ")", lambda: self.argument(constant))
            out.append(self.placed(_with(tree, Arguments=arguments), t))
        return {"Directives": out} if out else {}


def _with(tree: Tree, **parts: Any) -> Tree:
    """A tree with those parts that are not empty."""
    return tree | {k: v for k, v in parts.items() if v}


class QueryReader(_Reader):
    """Executable documents."""

    def document(self) -> Tree:
        operations, fragments = [], []
        while self.tok.kind != "<EOF>":
            if self.at("fragment"):
                fragments.append(self.fragment())
            else:
                operations.append(self.operation())
        return _with({}, Operations=operations, Fragments=fragments)

    def operation(self) -> Tree:
        t = self.tok
        if self.at("{"):
            return self.placed({"Operation": "query", "Name": "", "SelectionSet": self.selections()}, t)
        if t.value not in ("query", "mutation", "subscription") or t.kind != "Name":
            self.unexpected()
        self.i += 1
        name = self.name() if self.tok.kind == "Name" else ""
        variables = self.many("(", ")", self.variable)
        tree = _with({"Operation": t.value, "Name": name}, VariableDefinitions=variables) | self.directives(False)
        return self.placed(tree | {"SelectionSet": self.selections()}, t)

    def variable(self) -> Tree:
        t = self.tok
        self.want("$")
        tree: Tree = {"Variable": self.name(), "Used": False}
        self.want(":")
        tree["Type"] = self.type()
        if self.eat("="):
            tree["DefaultValue"] = self.value(True)
        return self.placed(tree | self.directives(True), t)

    def fragment(self) -> Tree:
        t = self.tok
        self.want("fragment")
        if self.at("on"):
            self.unexpected()
        tree: Tree = {"Name": self.name()}
        variables = self.many("(", ")", self.variable)
        self.want("on")
        tree["TypeCondition"] = self.name()
        tree = _with(tree, VariableDefinition=variables) | self.directives(False)
        return self.placed(tree | {"SelectionSet": self.selections()}, t)

    def selections(self) -> list[Tree]:
        return self.many("{", "}", self.selection, needed=True)

    def selection(self) -> Tree:
        t = self.tok
        if self.eat("..."):
            if self.tok.kind == "Name" and not self.at("on"):
                return self.placed({"Name": self.name()} | self.directives(False), t)
            condition = self.name() if self.eat("on") else ""
            inline: Tree = {"TypeCondition": condition} | self.directives(False)
            return self.placed(inline | {"SelectionSet": self.selections()}, t)
        alias = name = self.name()
        if self.eat(":"):
            name = self.name()
        arguments = self.many("(", ")", lambda: self.argument(False))
        tree = _with({"Alias": alias, "Name": name}, Arguments=arguments) | self.directives(False)
        return self.placed(_with(tree, SelectionSet=self.selections() if self.at("{") else []), t)


class SchemaReader(_Reader):
    """Type system documents."""

    def document(self) -> Tree:
        out: dict[str, list[Tree]] = {}
        while self.tok.kind != "<EOF>":
            t = self.tok
            description, described = self.description()
            if self.at("extend"):
                if described:
                    self.fail(f"Unexpected {t}", t)
                self.i += 1
                where, tree = self.definition("", True)
            else:
                where, tree = self.definition(description, False)
            out.setdefault(where, []).append(tree)
        return dict(out)

    def description(self) -> tuple[str, bool]:
        if self.tok.kind in ("String", "BlockString"):
            self.i += 1
            return self.toks[self.i - 1].value, True
        return "", False

    def definition(self, description: str, extension: bool) -> tuple[str, Tree]:
        t = self.tok
        if t.kind != "Name" or t.value not in _DEFINITIONS or (extension and t.value == "directive"):
            self.unexpected()
        self.i += 1
        if t.value == "schema":
            return ("SchemaExtension" if extension else "Schema"), self.schema(description, extension)
        if t.value == "directive":
            return "Directives", self.directive_definition(description)
        tree: Tree = {"Kind": _DEFINITIONS[t.value], "Description": description, "Name": self.name(), "BuiltIn": False}
        self.placed(tree, t)
        if t.value in ("type", "interface") and self.eat("implements"):
            self.eat("&")
            interfaces = [self.name()]
            while self.eat("&"):
                interfaces.append(self.name())
            tree["Interfaces"] = interfaces
        tree |= self.directives(True)
        if t.value == "union" and self.eat("="):
            self.eat("|")
            tree["Types"] = [self.name()]
            while self.eat("|"):
                tree["Types"].append(self.name())
        elif t.value == "enum":
            tree = _with(tree, EnumValues=self.many("{", "}", self.enum_value))
        elif t.value in ("type", "interface", "input"):
            reader = self.input_field if t.value == "input" else self.field
            tree = _with(tree, Fields=self.many("{", "}", reader))
        if extension and not any(k in tree for k in ("Interfaces", "Directives", "Types", "EnumValues", "Fields")):
            self.unexpected()
        self.placed(tree, t)
        return ("Extensions" if extension else "Definitions"), tree

    def schema(self, description: str, extension: bool) -> Tree:
        tree: Tree = {"Description": description} | self.directives(True)
        operations = self.many("{", "}", self.operation_type, needed=not extension)
        if extension and not operations and "Directives" not in tree:
            self.unexpected()
        return _with(tree, OperationTypes=operations)

    def operation_type(self) -> Tree:
        if self.tok.value not in ("query", "mutation", "subscription"):
            self.unexpected()
        operation = self.name()
        self.want(":")
        return {"Operation": operation, "Type": self.name()}

    def field(self) -> Tree:
        description, _ = self.description()
        t = self.tok
        tree: Tree = {"Description": description, "Name": self.name()}
        tree = _with(tree, Arguments=self.many("(", ")", self.input_field))
        self.want(":")
        return self.placed(tree | {"Type": self.type()} | self.directives(True), t)

    def input_field(self) -> Tree:
        description, _ = self.description()
        t = self.tok
        tree: Tree = {"Description": description, "Name": self.name()}
        self.want(":")
        tree["Type"] = self.type()
        if self.eat("="):
            tree["DefaultValue"] = self.value(True)
        return self.placed(tree | self.directives(True), t)

    def enum_value(self) -> Tree:
        description, _ = self.description()
        return {"Description": description, "Name": self.name()} | self.directives(True)

    def directive_definition(self, description: str) -> Tree:
        self.want("@")
        tree: Tree = {"Description": description, "Name": self.name()}
        tree = _with(tree, Arguments=self.many("(", ")", self.input_field))
        tree["IsRepeatable"] = self.eat("repeatable")
        self.want("on")
        self.eat("|")
        tree["Locations"] = [self.location()]
        while self.eat("|"):
            tree["Locations"].append(self.location())
        return tree

    def location(self) -> str:
        if self.tok.value not in LOCATIONS:
            self.unexpected()
        return self.name()


_DEFINITIONS = {
    "schema": "", "directive": "", "scalar": "SCALAR", "type": "OBJECT", "interface": "INTERFACE", "union": "UNION",
    "enum": "ENUM", "input": "INPUT_OBJECT",
}  # fmt: skip

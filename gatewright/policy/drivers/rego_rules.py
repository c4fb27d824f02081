"""What Gatekeeper allows in a template's Rego, checked on the syntax tree before it is compiled.

Called by `rego` (the driver). Rules and texts: Gatekeeper behaviour 5.3. Gatekeeper also moves libraries to another
package and, by a slip, leaves references alone that stand inside other terms, which then find nothing; here libraries
stay where they are and every reference finds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gatewright.core.go_text import quote
from gatewright.policy.crd_generation import INVALID_TEMPLATE, TemplateRefused
from gatewright.rego.syntax import (
    Array,
    Assign,
    Branch,
    Call,
    Module,
    Node,
    ObjectTerm,
    Ref,
    Rule,
    Scalar,
    SetTerm,
    Term,
    Unify,
    Var,
    walk,
)

ENTRY = "template"  # the entry module's file name and package below data
LIB = ("data", "lib")
INVENTORY = ("data", "inventory")
RULE = "violation"


def refused(text: str) -> TemplateRefused:
    return TemplateRefused(f"{INVALID_TEMPLATE}: {text}")


def check_entry(module: Module) -> None:
    """The entry module must have the rule that answers. Raises TemplateRefused."""
    if not any(rule.name == RULE for rule in module.rules):
        raise refused(f"invalid rego: invalid module: missing required rules: [{RULE}]")


def check_modules(entry: Module, libs: Sequence[tuple[str, Module]], referential: bool) -> None:
    """Packages of libraries, imports, references to data, in this order, libraries first. Raises TemplateRefused at
    the first."""
    for _, lib in libs:
        if len(lib.package) <= len(LIB) or tuple(lib.package[: len(LIB)]) != LIB:
            raise refused(f"invalid lib prefix: path {path_text(lib.package)} not found in lib prefixes")
    modules = [*libs, (ENTRY, entry)]
    for _, module in modules:
        for item in module.imports:
            _check_import(item.path)
    allowed = (LIB, INVENTORY) if referential else (LIB,)
    for file, module in modules:
        errors = [f"disallowed ref {text}" for rule in module.rules for text in _foreign_refs(rule, allowed)]
        if errors:
            listed = "\n".join(errors)
            raise refused(
                f"invalid data references: check refs failed on module {{{file}}}: errors ({len(errors)}):\n{listed}\n"
            )


def _check_import(path: Sequence[str]) -> None:
    if path[0] == "input":
        raise refused(f"invalid import: cannot import input: {quote(path_text(path))}")
    if tuple(path[: len(LIB)]) == LIB or path[0] == "future":
        return
    raise refused(f"invalid import: bad import: {quote(path_text(path))}")


def _foreign_refs(rule: Rule, allowed: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """The references to data outside of what is allowed. What stands inside another reference is not looked at, as in
    Gatekeeper."""
    for node in walk(rule, lambda node: not isinstance(node, Ref)):
        path = _data_path(node)
        if path is not None and not any(_begins(path, prefix) for prefix in allowed):
            yield ref_text(path)


def _data_path(node: Node) -> list[Term] | None:
    """The parts of a reference to data or of a call below data; None for other nodes."""
    if isinstance(node, Ref) and isinstance(node.head, Var) and node.head.name == "data":
        return [node.head, *node.path]
    if isinstance(node, Call) and node.name[0] == "data" and len(node.name) > 1:
        return [Var(node.loc, "data"), *(Scalar(node.loc, part) for part in node.name[1:])]
    return None


def _begins(path: Sequence[Term], prefix: tuple[str, ...]) -> bool:
    if len(path) < len(prefix):
        return False
    return all(
        isinstance(part, Scalar) and part.value == name for part, name in zip(path[1:], prefix[1:], strict=False)
    )


def ref_text(path: Sequence[Term]) -> str:
    """A reference as OPA prints it: data.foo["a b"][x]."""
    head = path[0]
    out = head.name if isinstance(head, Var) else "[...]"
    for part in path[1:]:
        if isinstance(part, Scalar) and isinstance(part.value, str):
            out += f".{part.value}" if _is_name(part.value) else f"[{quote(part.value)}]"
        elif isinstance(part, Scalar):
            out += f"[{part.value}]"
        elif isinstance(part, Var):
            out += "[_]" if part.wild else f"[{part.name}]"
        else:
            out += "[...]"
    return out


def path_text(path: Sequence[str]) -> str:
    """A path of names as OPA prints it."""
    return path[0] + "".join(f".{part}" if _is_name(part) else f"[{quote(part)}]" for part in path[1:])


def _is_name(text: str) -> bool:
    return text.isascii() and text.isidentifier()


# --- the shape of the answer, which OPA's type checker sees through the module that asks for it


def answers_set(entry: Module) -> bool:
    """Whether `violation` is a partial set, as in nearly every template."""
    return all(rule.key is not None for rule in entry.rules if rule.name == RULE and not rule.default)


def answer_error(entry: Module) -> str:
    """Why no answer of `violation` could be used, as OPA's type checker tells it of Gatekeeper's hook; "" when one
    could.

    Only what is plain from the rules is looked at: functions, answers without members, members without msg.
    """
    held = [rule for rule in entry.rules if rule.name == RULE]
    if all(rule.args is not None for rule in held):
        given = ", ".join("any" for _ in held[0].args or ())
        what = f"function {_ANSWER}[r] used as reference, not called"
        return f"1 error occurred: {_HOOK}:15: {_TYPE}: {what}\n\t{_marked(f'({given}) => any')}"
    if all(rule.key is None and len(rule.path) == 1 for rule in held):
        values = [_resolved(branch.value, branch) for rule in held for branch in rule.branches]
        scalars = [_scalar_kind(value) for value in values]
        if all(scalars):
            return f"1 error occurred: {_HOOK}:15: {_TYPE}: undefined ref: {_ANSWER}[r]\n\t{_marked(_union(scalars))}"
        return _member_error([key for value in values for key in _keys_of(value)])
    members = [_resolved(_member(rule), branch) for rule in held for branch in rule.branches if not rule.default]
    return _member_error(members)


_HOOK, _TYPE, _ANSWER = "hooks.hooks_builtin", "rego_type_error", f"data.template.{RULE}"


def _marked(have: str) -> str:
    return f"{_ANSWER}[r]\n\t{'^' * len(_ANSWER)}\n\thave: {have}"


def _member_error(members: Sequence[Term | None]) -> str:
    """The error for members of which none can have a msg."""
    names: set[str] = set()
    kinds: list[str] = []
    for member in members:
        if isinstance(member, ObjectTerm):
            keys = [key.value for key, _ in member.pairs if isinstance(key, Scalar)]
            if not keys or len(keys) != len(member.pairs) or "msg" in keys:
                return ""
            names.update(quote(key) for key in keys if isinstance(key, str))
        else:
            kind = "" if member is None else _scalar_kind(member)
            if not kind:
                return ""
            kinds.append(kind)
    undefined = f"{_HOOK}:21: {_TYPE}: undefined ref: r.msg\n\tr.msg\n\t"
    if names:
        return f'1 error occurred: {undefined}  ^\n\t  have: "msg"\n\t  want (one of): [{" ".join(sorted(names))}]'
    if not kinds:
        return ""
    have = _union(kinds)
    call = (
        f"{_HOOK}:20: {_TYPE}: object.get: invalid argument(s)\n\thave: ({have}, string, object[any: any], ???)\n"
        "\twant: (object: object[any: any], key: any, default: any, value: any)"
    )
    return f"2 errors occurred:\n{call}\n{undefined}^\n\thave: {have}"


def _member(rule: Rule) -> Term | None:
    """What `data.template.violation[r]` gives for r: a member of a set, a key of an object."""
    if rule.key is not None:
        return rule.key
    return rule.path[1] if len(rule.path) > 1 else None


def _keys_of(value: Term | None) -> list[Term | None]:
    """What r would be for a complete rule's value; [None] where that isn't plain."""
    if isinstance(value, Array):
        return [Scalar(value.loc, 0)] if value.items else [None]
    if isinstance(value, ObjectTerm):
        return [key for key, _ in value.pairs] or [None]
    return list(value.items) if isinstance(value, SetTerm) else [None]


def _resolved(term: Term | None, branch: Branch) -> Term | None:
    """A term, or what the body gives a variable, where that is written as one literal."""
    if not isinstance(term, Var):
        return term
    found = [
        expr.right
        for expr in branch.body
        if isinstance(expr, Assign | Unify) and isinstance(expr.left, Var) and expr.left.name == term.name
    ]
    return found[0] if len(found) == 1 and isinstance(found[0], Scalar | ObjectTerm) else None


def _union(kinds: Sequence[str]) -> str:
    """Types as OPA prints a choice of them."""
    once = sorted(set(kinds))
    return once[0] if len(once) == 1 else f"any<{', '.join(once)}>"


def _scalar_kind(term: Term | None) -> str:
    """The type of a scalar term, "" for other terms."""
    if not isinstance(term, Scalar):
        return ""
    value = term.value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"


def reads_inventory(modules: Iterable[Module]) -> bool:
    """Whether any rule may read data.inventory: by name, by a part that is no constant, or as part of the whole of
    data."""
    return any(_reaches_inventory(rule) for module in modules for rule in module.rules)


def _reaches_inventory(rule: Rule) -> bool:
    heads: set[int] = set()
    for node in walk(rule):
        path = _data_path(node)
        if path is not None:
            heads.add(id(path[0]))
            first = path[1] if len(path) > 1 else None
            if not isinstance(first, Scalar) or first.value == INVENTORY[1]:
                return True
        elif isinstance(node, Var) and node.name == "data" and id(node) not in heads:
            return True
    return False

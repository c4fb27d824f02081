"""What Gatekeeper allows in a template's Rego, checked on the syntax tree before it is compiled.

Called by `rego` (the driver). Rules and texts: Gatekeeper behaviour 5.3. Gatekeeper also moves libraries to another
package and, by a slip, leaves references alone that stand inside other terms, which then find nothing; here libraries
stay where they are and every reference finds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gatewright.core.go_text import quote
from gatewright.policy.crd_generation import INVALID_TEMPLATE, TemplateRefused
from gatewright.rego.syntax import Call, Module, Node, ObjectTerm, Ref, Rule, Scalar, Term, Var, walk

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

    Only what is plain from the rule heads is looked at: answers that are no set, and members without msg.
    """
    rules = [rule for rule in entry.rules if rule.name == RULE]
    if all(rule.key is None and rule.args is None and len(rule.path) == 1 for rule in rules):
        kinds = sorted({_scalar_kind(branch.value) for rule in rules for branch in rule.branches})
        if kinds and all(kinds):
            text = _hook_error(15, f"data.template.{RULE}[r]", f"data.template.{RULE}", f"have: {' | '.join(kinds)}")
            return f"1 error occurred: {text}"
        return ""
    keys = [rule.key for rule in rules if rule.key is not None]
    if len(keys) != len(rules):
        return ""
    known: list[str] = []
    for key in keys:
        if isinstance(key, Scalar):
            continue
        if not isinstance(key, ObjectTerm):
            return ""
        names = [k.value for k, _ in key.pairs if isinstance(k, Scalar)]
        if len(names) != len(key.pairs) or "msg" in names:
            return ""
        known += [quote(name) for name in names if isinstance(name, str)]
    if known or all(isinstance(key, ObjectTerm) for key in keys):
        pad = "  "
        detail = f'r.msg\n\t{pad}^\n\t{pad}have: "msg"\n\t{pad}want (one of): [{" ".join(sorted(set(known)))}]'
        return f"1 error occurred: hooks.hooks_builtin:21: rego_type_error: undefined ref: r.msg\n\t{detail}"
    held = " | ".join(sorted({_scalar_kind(key) for key in keys}))
    call = (
        "hooks.hooks_builtin:20: rego_type_error: object.get: invalid argument(s)\n"
        f"\thave: ({held}, string, object, ???)\n"
        "\twant: (object: object[any: any], key: any, default: any, value: any)"
    )
    return f"2 errors occurred:\n{call}\n{_hook_error(21, 'r.msg', 'r', f'have: {held}')}"


def _hook_error(row: int, ref: str, marked: str, have: str) -> str:
    return f"hooks.hooks_builtin:{row}: rego_type_error: undefined ref: {ref}\n\t{ref}\n\t{'^' * len(marked)}\n\t{have}"


def _scalar_kind(term: Term) -> str:
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

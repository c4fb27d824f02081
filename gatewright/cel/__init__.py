"""CEL as Kubernetes has it: parser, checker, exact and compiled evaluation, cost, libraries.

Usable by itself:

    from gatewright import cel
    env = cel.Environment({"object": cel.DYN}, libraries=cel.KUBERNETES)
    env.compile("object.spec.replicas < 5").evaluate({"object": {"spec": {"replicas": 3}}})    # True

`validator` is the one place for the rules of ValidatingAdmissionPolicy around expressions.
"""

from gatewright.cel.environment import Environment, Libraries
from gatewright.cel.errors import CompileError, CostError, EvalError, InstantiationError, Issue
from gatewright.cel.kubernetes import API_SERVER, KUBERNETES
from gatewright.cel.program import Outcome, Program
from gatewright.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    Type,
    list_of,
    map_of,
)
from gatewright.cel.values import NONE, Duration, Optional, Timestamp, Uint

__all__ = [
    "API_SERVER",
    "BOOL",
    "BYTES",
    "DOUBLE",
    "DURATION",
    "DYN",
    "INT",
    "KUBERNETES",
    "NONE",
    "NULL",
    "STRING",
    "TIMESTAMP",
    "UINT",
    "CompileError",
    "CostError",
    "Duration",
    "Environment",
    "EvalError",
    "InstantiationError",
    "Issue",
    "Libraries",
    "Optional",
    "Outcome",
    "Program",
    "Timestamp",
    "Type",
    "Uint",
    "list_of",
    "map_of",
]

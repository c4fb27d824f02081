"""Field ownership and the patches that need a schema: server-side apply, managedFields, strategic merge patch.

For the handlers of the embedded API server; all of it is values in, values out. `types` says what a schema makes of
lists and maps, `fields` is the algebra of FieldsV1, `walking`, `comparing` and `merging` go over values, `managers`
reads and writes managedFields, `applying` is what handlers call, `strategic` the patch of built-in kinds. JSON patch
and merge patch need no schema: `core.patch`.
"""

from gatewright.apiserver.apply.applying import (
    ApplyConflict,
    ApplyRejected,
    TypedPatchError,
    Writer,
    apply,
    default_manager,
    track,
)
from gatewright.apiserver.apply.builtin import BuiltinSchemas
from gatewright.apiserver.apply.converting import conversion_fault
from gatewright.apiserver.apply.fields import NOTHING, Fields
from gatewright.apiserver.apply.managers import settle_times
from gatewright.apiserver.apply.resets import reset_fields
from gatewright.apiserver.apply.scale import SCALE_VERSION, write_through
from gatewright.apiserver.apply.strategic import strategic_merge
from gatewright.apiserver.apply.strategic_lists import StrategicPatchError
from gatewright.apiserver.apply.types import Type, Types, crd_types
from gatewright.apiserver.apply.walking import go_plain

__all__ = [
    "NOTHING",
    "SCALE_VERSION",
    "ApplyConflict",
    "ApplyRejected",
    "BuiltinSchemas",
    "Fields",
    "StrategicPatchError",
    "Type",
    "TypedPatchError",
    "Types",
    "Writer",
    "apply",
    "conversion_fault",
    "crd_types",
    "default_manager",
    "go_plain",
    "reset_fields",
    "settle_times",
    "strategic_merge",
    "track",
    "write_through",
]

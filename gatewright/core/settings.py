"""Everything that can be set, as one frozen value, built once in `cli` (law 3).

Names and defaults are those of Gatekeeper's manager flags where one exists (Gatekeeper behaviour, section 13.4).
Durations are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Operation(Enum):
    """A role of a process (`--operation`)."""

    AUDIT = "audit"
    GENERATE = "generate"
    MUTATION_CONTROLLER = "mutation-controller"
    MUTATION_STATUS = "mutation-status"
    MUTATION_WEBHOOK = "mutation-webhook"
    STATUS = "status"
    WEBHOOK = "webhook"


# Roles that this version has. Gatekeeper's others are taken on the command line and told as not there yet; a pod status
# never claims them.
SERVED_OPERATIONS = frozenset({Operation.GENERATE, Operation.STATUS, Operation.WEBHOOK})


@dataclass(frozen=True, slots=True)
class Settings:
    namespace: str = "gatekeeper-system"  # POD_NAMESPACE
    pod: str = "gatewright"  # POD_NAME: names this process in pod statuses and field managers
    owns_pod: bool = True  # outside a cluster we make our own Namespace and Pod object, to own the pod statuses
    operations: frozenset[Operation] = SERVED_OPERATIONS

    # --- the webhook
    webhook_name: str = "gatekeeper-validating-webhook-configuration"  # --validating-webhook-configuration-name
    webhook_url: str = ""  # --webhook-url: registers by URL; "" means the Service in our namespace
    webhook_service: str = "gatekeeper-webhook-service"
    webhook_ca: str = ""  # PEM, of the serving certificate's authority
    webhook_timeout: int = 3  # seconds, of the registered webhook
    webhook_failure_policy: str = "Ignore"
    exempt_namespaces: tuple[str, ...] = ()  # --exempt-namespace
    exempt_namespace_prefixes: tuple[str, ...] = ()
    exempt_namespace_suffixes: tuple[str, ...] = ()
    validate_enforcement_action: bool = True  # not --disable-enforcementaction-validation
    log_denies: bool = False

    # --- engines
    rego_enabled_builtins_off: tuple[str, ...] = ()  # --disable-opa-builtin
    referential_rules: bool = True  # --enable-referential-rules
    native_validation: bool = True  # --enable-k8s-native-validation
    native_failure_policy: str = "Fail"  # --default-k8s-native-validation-failure-policy
    external_data: bool = True  # --enable-external-data
    evaluation_steps: int = 5_000_000  # of one constraint in one review; past it that constraint alone fails

    # --- proof and waiting
    # --apiserver-address HOST:PORT; () means EndpointSlice default/kubernetes, else the one we talk to
    addresses: tuple[str, ...] = ()
    probe_period: float = 0.25  # between two questions whose answer is awaited
    backoff_base: float = 0.02
    backoff_cap: float = 30.0
    terminal_retry: float = 300.0  # a refused write is tried again this seldom
    stalled_after: float = 300.0  # the same transient failure this long: Stalled
    lease_duration: float = 15.0
    lease_renewal: float = 5.0

    def does(self, *operations: Operation) -> bool:
        """Whether this process has one of these roles."""
        return any(operation in self.operations for operation in operations)

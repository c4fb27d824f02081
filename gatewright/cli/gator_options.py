"""Options that the commands standing in for `gator` share, and the settings they make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from gatewright.cli.go_flags import switch
from gatewright.core.settings import Settings

POLICY_FLAG = "--default-k8s-native-validation-failure-policy"


def engines(command: Callable[..., Any]) -> Callable[..., Any]:
    """--enable-k8s-native-validation and the failure policy that goes with it."""
    command = click.option(
        POLICY_FLAG,
        "failure_policy",
        type=click.Choice(["Fail", "Ignore"]),
        default="Fail",
        show_default=True,
        help="Failure policy of K8sNativeValidation sources that name none.",
    )(command)
    return switch(
        "--enable-k8s-native-validation", default=True, text="Use CEL where a template has it [default: on]."
    )(command)


def settings(native: bool, failure_policy: str) -> Settings:
    """gator gives policies no external data; all else is as in the manager."""
    return Settings(native_validation=native, native_failure_policy=failure_policy, external_data=False)

"""All concerns of the product, by name: what `runtime` and `sim` hand to the shell.

The order is that of the way of the data: what must stand first, what is made from a template, what is told of it.
"""

from __future__ import annotations

from gatewright.control import (
    constraint_ingest,
    home,
    install,
    pod_status,
    rollup,
    sync,
    template_crd,
    template_ingest,
    webhook,
)
from gatewright.control.view import Controller

CONTROLLERS: tuple[Controller, ...] = (
    install.CONTROLLER,
    home.CONTROLLER,
    webhook.CONTROLLER,
    sync.CONTROLLER,
    template_ingest.CONTROLLER,
    template_crd.CONTROLLER,
    constraint_ingest.CONTROLLER,
    pod_status.CONTROLLER,
    rollup.CONTROLLER,
)

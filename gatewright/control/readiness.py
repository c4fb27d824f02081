"""Whether a process that has just started enforces what stood before it came.

Asked by `runtime` until it is so once: a review that comes earlier waits, since an empty snapshot would let pass what
a status already promises to deny (lifecycle, rule 14; Gatekeeper's readiness tracker keeps its pods out of the Service
until then). Whatever is created later has its own conditions.
"""

from __future__ import annotations

from gatewright.control import applying, constraint_ingest, template_ingest
from gatewright.control.view import View
from gatewright.core.objects import Name, Object, deleting, generation, metadata, uid
from gatewright.kinds.resources import CONSTRAINT_TEMPLATES, CRDS, constraint_crd_name, constraint_resource
from gatewright.kinds.templates import read_template

TEMPLATES_CRD = f"{CONSTRAINT_TEMPLATES.plural}.{CONSTRAINT_TEMPLATES.group}"


def caught_up(view: View) -> bool:
    """Every template and constraint that is there has its outcome in this process. False while that is unknown."""
    if not view.synced(CRDS):
        return False
    if not _established(view, TEMPLATES_CRD):
        return True  # no template can be there
    if not view.synced(CONSTRAINT_TEMPLATES):
        return False
    return all(_template(view, one) for one in view.list(CONSTRAINT_TEMPLATES) if not deleting(one))


def _template(view: View, template: Object) -> bool:
    fact = view.fact(template_ingest.note(str(metadata(template).get("name"))))
    if fact is None:
        return False
    report: template_ingest.Report = fact.value
    if (report.uid, report.generation) != (uid(template), generation(template)) or not report.final:
        return False
    if report.state is template_ingest.State.INVALID:
        return True
    kind = read_template(template).kind
    if not _established(view, constraint_crd_name(kind)):
        return True  # no constraint of it can be there
    resource = constraint_resource(kind)
    if not view.synced(resource):
        return False
    return all(_constraint(view, kind, one) for one in view.list(resource) if not deleting(one))


def _constraint(view: View, kind: str, constraint: Object) -> bool:
    fact = view.fact(constraint_ingest.note(kind, str(metadata(constraint).get("name"))))
    if fact is None:
        return False
    report: constraint_ingest.Report = fact.value
    return (report.uid, report.generation) == (uid(constraint), generation(constraint)) and report.final


def _established(view: View, name: str) -> bool:
    crd = view.get(CRDS, Name("", name))
    condition = None if crd is None else applying.condition_of(crd, "Established")
    return condition is not None and condition.get("status") == "True"

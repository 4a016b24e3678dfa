"""Runs last: what is implemented was driven from outside, successfully, by the tests of this folder."""

import json
import pathlib
import re

import pytest

from harness.platform import ROOT

HERE = pathlib.Path(__file__).resolve()
# Operations in the tables of the services' sources, and in the signatures of their handlers.
REGISTERED = re.compile(r"(?:operation::<|Permit<|access::\w+::<)\s*(?:crate::)?api::(\w+)")
IMPORTED = re.compile(r"Permit<(\w+)>")


def model(service):
    return json.loads((ROOT / "models" / f"{service}.json").read_text())


def implemented(service):
    """The operations that a service's sources register."""
    sources = [path.read_text() for path in (ROOT / "services" / service / "src").rglob("*.rs") if path.name != "api.rs" and "tests" not in path.parts]
    found = {name for text in sources for pattern in (REGISTERED, IMPORTED) for name in pattern.findall(text)}
    return found & set(model(service)["operations"])


SERVICES = sorted(path.name for path in (ROOT / "services").iterdir() if (path / "src").is_dir())


@pytest.mark.parametrize("service", SERVICES)
def test_every_implemented_operation_was_driven(request, service):
    collected = {item.path for item in request.session.items}
    left_out = sorted(path.name for path in HERE.parent.glob("test_*_operations.py") if path not in collected)
    if left_out:
        pytest.skip(f"judges only runs of all that drive the operations; left out: {', '.join(left_out)}")
    operations = implemented(service)
    assert operations, f"no operation of {service} was found in its sources"
    platform = request.getfixturevalue("platform")
    events = platform.events(EventSource=f"{model(service)['endpointPrefix']}.amazonaws.com")
    recorded = {event["eventName"] for event in events if "errorCode" not in event}
    # CloudTrail has names of its own for some.
    driven = {name for name in operations if model(service)["operations"][name].get("event", name) in recorded} | platform.driven_elsewhere
    assert not operations - driven, f"{service}: implemented, and driven by no test: {sorted(operations - driven)}"

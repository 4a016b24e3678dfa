"""What tests of stacks share: the client, and the wait until a stack is at rest."""

import pytest
import requests

from support import eventually


@pytest.fixture
def client(platform):
    return platform.client("cloudformation")


def settled(client, stack, timeout_s=120):
    """Waits until nothing is in progress, and answers the stack's status."""
    def status():
        found = client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        return None if found.endswith("_IN_PROGRESS") else found
    return eventually(status, timeout_s=timeout_s)


def answered(client, stack, handle, status):
    """Answers, as a program outside would, what a stack waits for at this handle; first waits until the handle is there."""
    def address():
        found = client.describe_stack_resources(StackName=stack)["StackResources"]
        return next((r["PhysicalResourceId"] for r in found if r["LogicalResourceId"] == handle and r["ResourceStatus"] == "CREATE_COMPLETE"), None)
    told = {"Status": status, "UniqueId": "one", "Data": "", "Reason": "as asked"}
    assert requests.put(eventually(address), json=told, timeout=60).status_code == 200

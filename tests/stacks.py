"""What tests of stacks share: the client, and the wait until a stack is at rest."""

import pytest

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

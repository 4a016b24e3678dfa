"""A disk that fills up: writes are refused before it is full, reads go on, and with room again everything does."""

import os
import subprocess

import pytest
from botocore.exceptions import ClientError
from harness import Platform
from support import eventually

VALUE = "x" * 90_000


@pytest.fixture
def small(tmp_path):
    """A platform on a disk of its own of 260 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=260m", "tmpfs", disk], capture_output=True, check=False).returncode != 0:
        pytest.skip("this host lets nobody mount a disk of memory")
    own = Platform(disk)
    try:
        yield own
    finally:
        own.kill()
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_full_disk_closes_nothing(small):
    ballast = small.data_dir.parent / "ballast"
    ballast.write_bytes(bytes(30 << 20))
    tables = small.start().client("dynamodb")
    tables.create_table(TableName="full", BillingMode="PAY_PER_REQUEST", AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}])
    written, refused = [], 0
    # As many refusals as the merging of what is there may make room in between.
    while refused < 40:
        key = str(len(written))
        try:
            tables.put_item(TableName="full", Item={"id": {"S": key}, "v": {"S": VALUE + key}})
            written.append(key)
        except ClientError:
            refused += 1
    assert len(written) > 200
    room = os.statvfs(small.data_dir)
    assert room.f_bavail * room.f_frsize > 4 << 20, "the reserve is for what was accepted already"

    def found(key):
        return tables.get_item(TableName="full", Key={"id": {"S": key}})["Item"]["v"]["S"] == VALUE + key

    assert found(written[0]) and found(written[-1])
    ballast.unlink()

    def deleted(key):
        try:
            return tables.delete_item(TableName="full", Key={"id": {"S": key}})
        except ClientError:
            return None

    # What is merged just then may need the room for a moment.
    for key in written[: len(written) // 2]:
        eventually(lambda key=key: deleted(key))
    assert small.stop() == 0
    tables = small.start().client("dynamodb")
    assert all(found(key) for key in written[len(written) // 2 :: 25])
    small.kill()
    tables = small.start().client("dynamodb")
    assert found(written[-1])
    eventually(lambda: deleted("none"))

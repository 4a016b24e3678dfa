"""Starts: what a data folder is good for, and what a second start may not do to it."""

import subprocess

from harness.platform import binary
from support import refused


def test_another_account_id_does_not_touch_a_folder_that_has_an_account(fresh):
    fresh.start()
    fresh.client("iam").create_user(UserName="stays")
    before = (fresh.data_dir / "credentials").read_text()
    fresh.kill()
    serve = [binary(), "serve", "--listen", f"127.0.0.1:{fresh.port}", "--data-dir", str(fresh.data_dir), "--account-id", "111111111111"]
    ended = subprocess.run(serve, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1 and "account 000000000000" in ended.stderr and "111111111111" in ended.stderr
    assert (fresh.data_dir / "credentials").read_text() == before
    fresh.start()
    assert fresh.client("iam").get_user(UserName="stays")["User"]["UserName"] == "stays"
    refused(fresh.client("iam").get_user, "NoSuchEntity", UserName="never")


def test_another_region_is_refused_and_hides_nothing(fresh):
    fresh.start()
    fresh.client("logs").create_log_group(logGroupName="stays")
    fresh.kill()
    serve = [binary(), "serve", "--listen", f"127.0.0.1:{fresh.port}", "--data-dir", str(fresh.data_dir), "--region", "eu-west-1"]
    ended = subprocess.run(serve, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1 and "us-east-1" in ended.stderr and "eu-west-1" in ended.stderr, ended.stderr
    (fresh.data_dir / "credentials").rename(fresh.data_dir / "elsewhere")
    fresh.start()
    assert "which is gone" in fresh.ready_line
    (fresh.data_dir / "elsewhere").rename(fresh.data_dir / "credentials")
    assert [group["logGroupName"] for group in fresh.client("logs").describe_log_groups()["logGroups"]] == ["stays"]

"""One running platform: its process, its folder, its credentials.

Nothing is written outside the folder it is given, and only the process that was started is ever ended.
"""

import configparser
import json
import os
import pathlib
import random
import select
import signal
import socket
import subprocess
import time

import boto3
import botocore.config
import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]


def binary():
    """The release binary: FASTNESS_BIN, or where cargo puts it."""
    named = os.environ.get("FASTNESS_BIN")
    if named:
        return named
    target = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))
    return str(pathlib.Path(target) / "release" / "fastness")


def free_port():
    """A port that was free a moment ago, and that no connection is given by chance: a platform that was killed finds it free again."""
    lowest = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(1_000):
        port = random.randrange(10_000, lowest) if lowest > 12_000 else 0
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise AssertionError(f"no port between 10000 and {lowest} is free")


class Platform:
    """`fastness serve` (or `up TEMPLATE`) with a data folder under `folder`."""

    def __init__(self, folder, port=None, arguments=(), command=("serve",), environment=None, user=None):
        self.folder = pathlib.Path(folder)
        # The id of the user and of the group that it runs as; the tests' own where there is none.
        self.runs_as = user
        # Where that user finds the binary.
        self.binary = None
        self.data_dir = self.folder / "data"
        self.port = port or free_port()
        self.arguments = list(arguments)
        self.command = list(command)
        self.environment = environment or {}
        self.process = None
        self.log_path = self.folder / "platform.log"
        self.ready_line = None
        # Operations whose records stand in the trail of another account than the administrator's.
        self.driven_elsewhere = set()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self, timeout_s=120):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "FASTNESS_"))}
        environment.update(self.environment)
        self.folder.mkdir(parents=True, exist_ok=True)
        log = open(self.log_path, "ab")
        other = {} if self.runs_as is None else {"user": self.runs_as, "group": self.runs_as, "extra_groups": []}
        self.process = subprocess.Popen(
            [self.binary or binary(), *self.command, "--listen", f"127.0.0.1:{self.port}", "--data-dir", str(self.data_dir),
             *self.arguments],
            stdout=subprocess.PIPE, stderr=log, env=environment, start_new_session=True, **other,
        )
        deadline = time.monotonic() + timeout_s
        printed = b""
        while b"ready" not in printed:
            left = deadline - time.monotonic()
            readable, _, _ = select.select([self.process.stdout], [], [], max(left, 0))
            chunk = os.read(self.process.stdout.fileno(), 65536) if readable else b""
            if not chunk:
                self.kill()
                raise AssertionError(f"not ready: {printed!r}\n{self.log_path.read_text()[-4000:]}")
            printed += chunk
        self.ready_line = printed.decode()
        return self

    def stop(self, timeout_s=90):
        """SIGTERM; returns the exit code."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s) if self.process else None

    def kill(self):
        """SIGKILL, as a power cut would."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def root(self):
        """(access key id, secret access key) of the administrator."""
        parsed = configparser.ConfigParser()
        parsed.read(self.data_dir / "credentials")
        return parsed["default"]["aws_access_key_id"], parsed["default"]["aws_secret_access_key"]

    def client(self, service, key=None, secret=None, token=None, region="us-east-1", **config):
        """An unmodified boto3 client; the administrator's unless a key is given."""
        if key is None:
            key, secret = self.root()
        session = boto3.session.Session(aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token,
                                        region_name=region)
        settings = {"retries": {"max_attempts": 1}, "read_timeout": 90, **config}
        return session.client(service, endpoint_url=self.endpoint, config=botocore.config.Config(**settings))

    def resource(self, service):
        """An unmodified boto3 resource of the administrator's."""
        key, secret = self.root()
        session = boto3.session.Session(aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1")
        return session.resource(service, endpoint_url=self.endpoint)

    def user(self, name, *statements):
        """A new IAM user with an inline policy of these statements: (key, secret)."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=document)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return made["AccessKeyId"], made["SecretAccessKey"]

    def aws(self, *arguments, key=None, secret=None, token=None):
        """The unmodified `aws` CLI; returns the finished process."""
        if key is None:
            key, secret = self.root()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        environment.update(AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret, AWS_DEFAULT_REGION="us-east-1",
                           AWS_ENDPOINT_URL=self.endpoint, AWS_PAGER="", AWS_MAX_ATTEMPTS="1",
                           AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null")
        if token:
            environment["AWS_SESSION_TOKEN"] = token
        return subprocess.run(["aws", *arguments], env=environment, capture_output=True, text=True, timeout=300)

    def events(self, **attributes):
        """The audit records that LookupEvents finds, newest first, as parsed CloudTrail events."""
        lookup = [{"AttributeKey": key, "AttributeValue": value} for key, value in attributes.items()]
        pages = self.client("cloudtrail").get_paginator("lookup_events").paginate(LookupAttributes=lookup)
        return [json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"]]

    def raw(self, method="POST", path="/", headers=None, body=b""):
        """A plain HTTP request, signed by nobody."""
        return requests.request(method, self.endpoint + path, headers=headers or {}, data=body, timeout=60)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()

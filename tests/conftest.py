"""Fixtures for every test from outside: one shared platform, and fresh ones where a test kills or configures it."""

import hashlib
import os
import pathlib
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness import Platform  # noqa: E402


@pytest.fixture(scope="session")
def platform(tmp_path_factory):
    """The platform that most tests share; each test names its own resources."""
    running = Platform(tmp_path_factory.mktemp("platform")).start()
    yield running
    assert running.process.poll() is None, "the platform ended during the tests:\n" + running.log_path.read_text()[-4000:]
    assert running.stop() == 0


@pytest.fixture
def fresh(tmp_path):
    """A platform of this test's own, not yet started; killed at the end if it still runs."""
    own = Platform(tmp_path)
    yield own
    own.kill()


@pytest.fixture
def name(request):
    """A resource name of this test's own."""
    plain = re.sub("[^A-Za-z0-9]+", "-", request.node.name.removeprefix("test_"))
    return "t-" + plain[:40].strip("-") + "-" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:6]


def pytest_sessionfinish(session, exitstatus):
    """Names the tests that failed, a line each, where somebody asks for them: see xtask/src/test/outside.rs."""
    wanted = os.environ.get("FASTNESS_FAILED_TO")
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if wanted and reporter and exitstatus == pytest.ExitCode.TESTS_FAILED:
        failed = {report.nodeid: None for kind in ("failed", "error") for report in reporter.stats.get(kind, [])}
        pathlib.Path(wanted).write_text("".join(name + "\n" for name in failed))

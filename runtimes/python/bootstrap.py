"""Runs one Python function: loads its handler, then answers invocations of the Runtime API until it is killed.

Standard library only, for every Python from 3.9 on. It knows no AWS API, opens no connection but the one to the
Runtime API, and never catches what is meant to end the process: ``SystemExit`` in a handler ends the environment,
as on Lambda.

Python's own modules that most functions never need, and that take longer to load than all of this, are loaded when
something asks for them: ``json`` with its ``re`` and ``enum``, ``socket``, ``logging``, ``site``.

Usage: python3 -S -B bootstrap.py

Without ``-S``, as a function's wrapper starts it, nothing of the host's own modules is importable either.
"""

import builtins
import os
import sys
import time

import _json
import _sitebuiltins
import _socket

API = "/2018-06-01/runtime/"
# A line end within one event: a line feed would begin the next event. The platform makes a line feed of it again.
EVENT_LINE = "\r\0"
# What the platform answers to an answer, with the next invocation right behind it.
ACCEPTED = (
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n"
    b'{"status":"OK"}\n'
)
INDENT = "\u00a0"
# Where the AWS SDK stands.
SDK = "/var/lang/sdk"
# The platform's AWS APIs, and its stages and function URLs.
DOOR = ("127.0.0.1", 4566)
# What is read at once: little enough that the allocator has the room, and need not map and unmap it for each invocation.
READ_BYTES = 16384


class Fault(Exception):
    """The function cannot be run, for a reason that has a name of the platform's."""

    def __init__(self, kind, message, trace=()):
        super().__init__(message)
        self.kind = kind
        self.trace = list(trace)


class LambdaRuntimeClient:
    """One connection to the Runtime API, kept alive. Its name and those of its methods are what monitoring libraries look for.

    An answer and the request for the next invocation leave in one write, so that an invocation costs one round trip.
    """

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self._address = (host, int(port))
        self._next = self._head("GET", "invocation/next")
        self._response = self._head("POST", "invocation/\0/response", 0).replace(b"%", b"%%")
        self._response = self._response.replace(b"\0", b"%b").replace(b"Length: 0", b"Length: %d")
        self._socket = None
        self._buffer = b""
        self._following = None

    def _head(self, method, path, length=None, error_type=None):
        host = "%s:%d" % self._address
        lines = ["%s %s%s HTTP/1.1" % (method, API, path), "Host: " + host, "User-Agent: fastness-python"]
        if length is not None:
            lines += ["Content-Type: application/json", "Content-Length: %d" % length]
        if error_type is not None:
            lines.append("Lambda-Runtime-Function-Error-Type: " + error_type)
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def wait_next_invocation(self):
        """The next invocation: its headers, lower-case, and its body."""
        following, self._following = self._following, None
        return following or self._ask()

    def post_invocation_result(self, request_id, body):
        """Answers an invocation."""
        self._following = self._answer(request_id, body)

    def post_invocation_error(self, request_id, body, error_type):
        """Says that an invocation failed."""
        self._following = self._answer(request_id, body, error_type)

    def post_init_error(self, body, error_type):
        """Says why no invocation will ever be answered."""
        self._send(self._head("POST", "init/error", len(body), error_type) + body)
        self._receive()

    def _ask(self):
        self._send(self._next)
        return self._receive()[1:]

    def _answer(self, request_id, body, error_type=None):
        """Answers an invocation and waits for the next one."""
        if error_type is None:
            head = self._response % (request_id.encode("latin-1", "replace"), len(body))
        else:
            head = self._head("POST", "invocation/%s/error" % request_id, len(body), error_type)
        try:
            if len(body) < 65536:
                self._send(head + body + self._next)
            else:
                self._send(head)
                self._send(body)
                self._send(self._next)
            # What the platform thinks of the answer is the caller's to learn: the function goes on either way.
            if not self._buffer:
                self._buffer = self._read()
            if self._buffer.startswith(ACCEPTED):
                self._buffer = self._buffer[len(ACCEPTED) :]
                return self._receive()[1:]
            _, headers, _ = self._receive()
            if headers.get("connection") != "close":
                return self._receive()[1:]
        except ConnectionError:
            # An answer over the limit may not be read to its end.
            pass
        self._socket = None
        return self._ask()

    def assignment(self):
        """What this process is for: the environment variables of its function."""
        self._send(b"GET /2018-06-01/fastness/assignment HTTP/1.1\r\nHost: runtime\r\n\r\n")
        status, _, body = self._receive()
        if status != 200:
            raise ConnectionResetError("there is no assignment")
        return load(body)

    def _send(self, data):
        if self._socket is None:
            self._socket = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
            self._socket.connect(self._address)
            self._socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
            self._buffer = b""
        self._socket.sendall(data)

    def _read(self):
        data = self._socket.recv(READ_BYTES)
        if not data:
            raise ConnectionResetError("the Runtime API closed the connection")
        return data

    def _more(self):
        self._buffer += self._read()

    def _take(self, length):
        if length > len(self._buffer):
            parts, missing = [self._buffer], length - len(self._buffer)
            while missing > 0:
                data = self._socket.recv(min(missing, 1048576))
                if not data:
                    raise ConnectionResetError("the Runtime API closed the connection")
                parts.append(data)
                missing -= len(data)
            self._buffer = b"".join(parts)
        taken, self._buffer = self._buffer[:length], self._buffer[length:]
        return taken

    def _line(self):
        while True:
            line, end, rest = self._buffer.partition(b"\r\n")
            if end:
                self._buffer = rest
                return line
            self._more()

    def _receive(self):
        status = 100
        while 100 <= status < 200:
            while b"\r\n\r\n" not in self._buffer:
                self._more()
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            lines = head.decode("utf-8", "replace").split("\r\n")
            status = int(lines[0].split(" ", 2)[1])
            headers = {}
            for line in lines[1:]:
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return status, headers, self._chunks()
        return status, headers, self._take(int(headers.get("content-length", 0)))

    def _chunks(self):
        body = b""
        while True:
            length = int(self._line().partition(b";")[0], 16)
            if length == 0:
                while self._line():
                    pass
                return body
            body += self._take(length)
            self._take(2)


class CognitoIdentity:
    """Who is calling through an Amazon Cognito identity pool; empty for other callers."""

    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, values):
        self.cognito_identity_id = values.get("cognitoIdentityId")
        self.cognito_identity_pool_id = values.get("cognitoIdentityPoolId")

    def __repr__(self):
        return "CognitoIdentity([cognito_identity_id=%s,cognito_identity_pool_id=%s])" % (
            self.cognito_identity_id,
            self.cognito_identity_pool_id,
        )


class Client:
    """The application that is calling through the mobile SDK."""

    __slots__ = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")

    def __init__(self, values):
        for name in self.__slots__:
            setattr(self, name, values.get(name))


class ClientContext:
    """What the caller says about itself."""

    __slots__ = ("custom", "env", "client")

    def __init__(self, values):
        self.custom = values.get("custom")
        self.env = values.get("env")
        client = values.get("client")
        self.client = Client(client) if isinstance(client, dict) else None


class LambdaContext:
    """What a handler may know about the invocation and the function."""

    @classmethod
    def learn(cls):
        """Reads what is the same for all invocations."""
        cls.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        cls.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        cls.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        cls.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        cls.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")

    def __init__(self, headers):
        self.aws_request_id = headers.get("lambda-runtime-aws-request-id", "")
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        self._deadline_millis = int(headers.get("lambda-runtime-deadline-ms", 0))
        client = _parse_header(headers, "lambda-runtime-client-context", "Client Context")
        self.client_context = None if client is None else ClientContext(client)
        identity = _parse_header(headers, "lambda-runtime-cognito-identity", "Cognito Identity")
        self.identity = CognitoIdentity(identity or {})

    def get_remaining_time_in_millis(self):
        """Milliseconds until the platform ends the invocation."""
        return max(0, self._deadline_millis - int(time.time() * 1000))

    def log(self, message):
        """Writes to the function's log, without a line feed."""
        sys.stdout.write(str(message))

    def __repr__(self):
        names = (
            "aws_request_id log_group_name log_stream_name function_name memory_limit_in_mb function_version "
            "invoked_function_arn client_context identity tenant_id"
        )
        return "LambdaContext([%s])" % ",".join("%s=%s" % (name, getattr(self, name)) for name in names.split())


def _parse_header(headers, name, title):
    text = headers.get(name)
    if not text:
        return None
    try:
        value = load(text)
    except ValueError as error:
        raise Fault("Runtime.LambdaContextUnmarshalError", "Unable to parse %s JSON: %s" % (title, error))
    return value if isinstance(value, dict) else {}


class CurrentRequest:
    """Which invocation log records belong to."""

    request_id = ""
    tenant_id = None


# What `logging_classes` made ahead, where there was time for it.
CLASSES = []


def logging_classes():
    """What writes log records as functions expect: a handler, a filter, and a formatter for JSON."""
    import json
    import logging

    class Handler(logging.Handler):
        def emit(self, record):
            text = self.format(record)
            # One record is one event, whether or not its formatter ends it.
            text = text[:-1] if text.endswith("\n") else text
            sys.stdout.write(text.replace("\n", EVENT_LINE) + "\n")

    class RequestId(logging.Filter):
        def filter(self, record):
            record.aws_request_id = CurrentRequest.request_id
            record.tenant_id = CurrentRequest.tenant_id
            return True

    # What every record has; whatever else it has was given with `extra`.
    own = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "aws_request_id", "tenant_id"}

    def level_of(record):
        """The name of the level that the platform's filter knows: the next one below."""
        known = (level for level in (50, 40, 30, 20, 10) if record.levelno >= level)
        return logging.getLevelName(next(known, logging.NOTSET))

    class JsonFormatter(logging.Formatter):
        def format(self, record):
            import traceback

            kind, error, trace = record.exc_info or (None, None, None)
            is_plain = isinstance(record.msg, dict) and not record.args
            entry = {
                "timestamp": self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ"),
                "level": level_of(record),
                "message": record.msg if is_plain else record.getMessage(),
                "logger": record.name,
                "stackTrace": traceback.format_tb(trace) if trace else None,
                "errorType": kind.__name__ if kind else None,
                "errorMessage": str(error) if kind else None,
                "requestId": CurrentRequest.request_id or None,
                "location": "%s:%s:%d" % (record.pathname, record.funcName, record.lineno) if kind else None,
                "tenantId": CurrentRequest.tenant_id,
            }
            # What the function adds stands beside what the platform says of a record, and never in its place.
            for name, value in vars(record).items():
                if name not in own and name not in entry:
                    entry[name] = value
            entry = {name: value for name, value in entry.items() if value is not None}
            return json.dumps(entry, default=str, ensure_ascii=False) + "\n"

    return Handler, RequestId, JsonFormatter


def set_up_logging():
    """Gives the root logger a handler, as functions expect; JSON if the function is configured so."""
    import logging

    Handler, RequestId, JsonFormatter = CLASSES or logging_classes()
    logging.Formatter.converter = time.gmtime
    handler = Handler()
    if os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON":
        handler.setFormatter(JsonFormatter())
    else:
        line = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
        handler.setFormatter(logging.Formatter(line, "%Y-%m-%dT%H:%M:%S"))
    handler.addFilter(RequestId())
    root = logging.getLogger()
    root.addHandler(handler)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper().replace("FATAL", "CRITICAL").replace("TRACE", "DEBUG")
    if level in ("DEBUG", "INFO", "WARNING", "WARN", "ERROR", "CRITICAL"):
        root.setLevel(level)


class LoggingWatch:
    """Sets logging up the moment somebody loads it, and not before: as if it had always been there."""

    @classmethod
    def begin(cls):
        if "logging" in sys.modules:
            set_up_logging()
        else:
            sys.meta_path.insert(0, cls())

    def find_spec(self, name, path=None, target=None):
        if name != "logging":
            return None
        sys.meta_path.remove(self)
        finders = (finder.find_spec(name, path, target) for finder in sys.meta_path)
        spec = next((spec for spec in finders if spec is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader = LoggingLoader(spec, spec.loader)
        return spec


class LoggingLoader:
    """Loads it as its own loader does, and takes its place for that time only."""

    def __init__(self, spec, own):
        self._spec, self._own = spec, own

    def create_module(self, spec):
        return self._own.create_module(spec)

    def exec_module(self, module):
        self._spec.loader = module.__loader__ = self._own
        self._own.exec_module(module)
        set_up_logging()


def load_handler(name):
    """The function that ``module.function`` names."""
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        reason = "not enough values to unpack (expected 2, got 1)"
        raise Fault("Runtime.MalformedHandlerName", "Bad handler '%s': %s" % (name, reason))
    if module_name.split(".")[0] in sys.builtin_module_names:
        message = "Cannot use built-in module %s as a handler module" % module_name
        raise Fault("Runtime.BuiltInModuleConflict", message)
    try:
        module_name = module_name.replace("/", ".")
        __import__(module_name)
        module = sys.modules[module_name]
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module_name, error))
    except SyntaxError as error:
        trace = ['  File "%s" Line %s\n    %s' % (error.filename, error.lineno, error.text)]
        raise Fault("Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module_name, error), trace)
    try:
        return getattr(module, function_name)
    except AttributeError:
        message = "Handler '%s' missing on module '%s'" % (function_name, module_name)
        raise Fault("Runtime.HandlerNotFound", message)


def describe(error, request_id=""):
    """An error as the platform reports it: without the frames of this file, which are none of the function's."""
    if isinstance(error, Fault):
        kind, trace = error.kind, error.trace
    else:
        import traceback

        kind = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)
        while frames and frames[0].filename == describe.__code__.co_filename:
            frames.pop(0)
        while frames and frames[0].filename.startswith("<frozen importlib"):
            frames.pop(0)
        trace = traceback.format_list(frames)
    return {"errorMessage": str(error), "errorType": kind, "requestId": request_id, "stackTrace": trace}


def log_error(error):
    """Writes a described error to the log, as one event."""
    if os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON":
        import json

        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        sys.stdout.write(json.dumps({"timestamp": stamp, "level": "ERROR", **error}) + "\n")
        return
    lines = ["[ERROR] %s: %s" % (error["errorType"], error["errorMessage"]), "Traceback (most recent call last):"]
    for line in "".join(error["stackTrace"]).splitlines():
        text = line.lstrip(" ")
        lines.append(INDENT * (len(line) - len(text)) + text)
    # An error's message may have lines of its own.
    sys.stdout.write(EVENT_LINE.join(lines).replace("\n", EVENT_LINE) + "\n")


def invoke(handler, headers, body):
    """One invocation: the body of its answer, and the type of its error if it failed."""
    request_id = headers.get("lambda-runtime-aws-request-id", "")
    CurrentRequest.request_id = request_id
    CurrentRequest.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
    trace_id = headers.get("lambda-runtime-trace-id")
    if trace_id is not None:
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    try:
        context = LambdaContext(headers)
        try:
            event = load(body)
        except Exception as error:
            raise Fault("Runtime.UnmarshalError", "Unable to unmarshal input: %s" % error)
        result = handler(event, context)
        try:
            answer = dump(result)
        except Exception as error:
            raise Fault("Runtime.MarshalError", "Unable to marshal response: %s" % error)
        return answer, None
    except Exception as error:
        description = describe(error, request_id)
        log_error(description)
        return dump(description, "backslashreplace"), description["errorType"]


# Whether everything that is not ASCII is escaped, and how text is quoted then: what `learn_to_quote` found.
ESCAPE = True
quote = _json.encode_basestring_ascii


def learn_to_quote():
    """Answers are those of the runtime that the function names, which escape before 3.12, whichever Python stands in for it here."""
    global ESCAPE, quote
    family, _, minor = os.environ.get("AWS_EXECUTION_ENV", "").rpartition(".")
    if family == "AWS_Lambda_python3" and minor.isdecimal():
        ESCAPE = int(minor) < 12
    else:
        ESCAPE = sys.version_info < (3, 12)
    quote = _json.encode_basestring_ascii if ESCAPE else _json.encode_basestring


class Defaults:
    """What ``json.loads`` reads with, for the scanner that it uses itself."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int = float, int
    parse_constant = {"-Infinity": float("-inf"), "Infinity": float("inf"), "NaN": float("nan")}.__getitem__
    memo = {}


scan = _json.make_scanner(Defaults)


def refuse(value):
    raise TypeError


def load(text):
    """What ``json.loads`` makes of it. Whatever is out of the ordinary is left to it, errors before all."""
    try:
        plain = text if isinstance(text, str) else text.decode("utf-8")
        plain = plain.strip(" \t\n\r")
        value, end = scan(plain, 0)
        if end == len(plain):
            return value
    except (ValueError, StopIteration, RecursionError):
        pass
    import json

    return json.loads(text)


def dump_with_decimals(value):
    """The same where decimal numbers are written digit by digit, as Lambda's own client does."""
    import json
    import re

    numbers = []
    mark = "decimal-%s-" % os.urandom(16).hex()

    def number(value):
        decimal = sys.modules.get("decimal")
        if decimal is None or not isinstance(value, decimal.Decimal):
            raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)
        if value.is_nan():
            return float("nan")
        numbers.append(str(value))
        return "%s%d" % (mark, len(numbers) - 1)

    text = json.dumps(value, ensure_ascii=ESCAPE, default=number)
    if not numbers:
        return text
    return re.sub('"%s([0-9]+)"' % mark, lambda found: numbers[int(found.group(1))], text)


def dump(value, errors="strict"):
    """A value as the JSON bytes that ``json.dumps`` makes of it, to which all errors are left. Half a surrogate pair is one of them:
    there are no bytes for it. ``errors="backslashreplace"`` leaves it as the escape sequence that JSON has for it."""
    try:
        text = "".join(_json.make_encoder({}, refuse, quote, None, ": ", ", ", False, False, True)(value, 0))
    except Exception:
        text = dump_with_decimals(value)
    return text.encode("utf-8", errors)


def find_own_addresses():
    """The platform's stages and function URLs have names below ``localhost`` (RFC 6761, 6.3), which no file lists: they are its door's."""
    lookup = _socket.getaddrinfo

    def getaddrinfo(host, port, *rest, **named):
        labels = host.lower().removesuffix(".").split(".") if isinstance(host, str) else []
        # With the region and without, as the proxy reads them.
        if len(labels) in (3, 4) and all(labels) and labels[-1] == "localhost" and labels[1] in ("execute-api", "lambda-url"):
            return lookup(DOOR[0], DOOR[1], *rest, **named)
        return lookup(host, port, *rest, **named)

    _socket.getaddrinfo = getaddrinfo


def begin_site():
    """What ``site`` does for programs of every kind, without the host's own modules and start-up files."""
    if sys.flags.no_site:
        builtins.exit = _sitebuiltins.Quitter("exit", "Ctrl-D (i.e. EOF)")
        builtins.quit = _sitebuiltins.Quitter("quit", "Ctrl-D (i.e. EOF)")
        builtins.help = _sitebuiltins._Helper()
        if os.environ.get("PYTHONPATH"):
            import site

            site.execsitecustomize()


def prepare_paths():
    """What can be imported: the package, the layers, what the environment says, Python itself, the SDK."""
    hidden = ["", os.path.dirname(os.path.abspath(__file__))]
    if not sys.flags.no_site:
        import site

        named = os.environ.get("PYTHONPATH", "").split(":")
        hidden += [path for path in site.getsitepackages() if path not in named]
    standard = [path for path in sys.path if path not in hidden]
    version = "python%d.%d" % sys.version_info[:2]
    own = [os.environ.get("LAMBDA_TASK_ROOT", "/var/task")]
    own += ["/opt/python/lib/%s/site-packages" % version, "/opt/python"]
    sys.path[:] = own + standard + [SDK]
    sys.argv[:] = [sys.argv[0]]
    sys.dont_write_bytecode = True
    return own


def read_path_files(folders):
    """As on Lambda, the package's and the layers' ``.pth`` files are obeyed. Most have none: a look is all it costs them."""
    for folder in folders:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        if any(name.endswith(".pth") for name in names):
            import site

            site.addsitedir(folder)


class ByUsualName:
    """Lets functions import this module's parts by the names that Lambda's runtime has for them; what they bring goes before."""

    NAMES = ("awslambdaric", "awslambdaric.bootstrap", "awslambdaric.lambda_context", "awslambdaric.lambda_runtime_client")

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name not in cls.NAMES:
            return None
        from importlib.machinery import ModuleSpec

        return ModuleSpec(name, cls, is_package=name == cls.NAMES[0])

    @staticmethod
    def create_module(spec):
        return None

    @classmethod
    def exec_module(cls, module):
        if module.__name__ != cls.NAMES[0]:
            sys.modules[module.__name__] = sys.modules["__main__"]


def prepare_output():
    """Every line leaves the process when it is complete."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)


def initialise(api):
    """The handler; or the reason why there is none is told, and the process ends."""
    try:
        LoggingWatch.begin()
        return load_handler(os.environ.get("_HANDLER", ""))
    except Exception as error:
        description = describe(error)
        log_error(description)
        sys.stdout.flush()
        api.post_init_error(dump(description, "backslashreplace"), description["errorType"])
        sys.exit(1)


def rehearse():
    """Does once what every function does: the first module that a process compiles, above all, takes it two milliseconds longer
    than any later one."""
    names = {"__name__": "rehearsal"}
    exec(compile("def handler(event, context):\n    return event\n", "rehearsal.py", "exec"), names)
    dump(names["handler"](load(b'{"key": ["value", 1, 1.5, null]}'), LambdaContext({})))


def await_assignment(api):
    """Waits for a function, with what every function needs loaded already."""
    import importlib  # noqa: F401
    import json  # noqa: F401
    import logging  # noqa: F401
    import site  # noqa: F401
    import socket  # noqa: F401
    import traceback  # noqa: F401

    CLASSES.extend(logging_classes())
    rehearse()
    variables = api.assignment()
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)
    # The package was attached over the folder of this name: where it is now must be looked up anew.
    os.chdir(os.environ.get("LAMBDA_TASK_ROOT", "/var/task"))


def handle_event_request(client, handler, headers, body):
    """Runs an invocation and answers it. Monitoring libraries put their own around this, and around the client's methods."""
    answer, error_type = invoke(handler, headers, body)
    # What was printed belongs to this invocation, so it leaves before the answer does.
    sys.stdout.flush()
    sys.stderr.flush()
    request_id = headers.get("lambda-runtime-aws-request-id", "")
    if error_type is None:
        client.post_invocation_result(request_id, answer)
    else:
        client.post_invocation_error(request_id, answer, error_type)


def main():
    api = LambdaRuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"])
    prepare_output()
    find_own_addresses()
    begin_site()
    # Handlers find this module by its usual name, not as the program.
    sys.modules["bootstrap"] = sys.modules["__main__"]
    if os.environ.get("FASTNESS_PARKED"):
        await_assignment(api)
    LambdaContext.learn()
    learn_to_quote()
    sys.meta_path.append(ByUsualName)
    read_path_files(prepare_paths())
    handler = initialise(api)
    while True:
        # Looked up each time: a monitoring library may have put its own around it.
        handle_event_request(api, handler, *api.wait_next_invocation())


if __name__ == "__main__":
    main()

"""How applications of different frameworks word their logs. Slots in braces are filled when a line is written.

Slots: {iso} {clf} {plain} {slash} the time in four forms; {address} {port} {scheme} {app} {seconds} of the program;
{client} {host} {path} {code} {phrase} {agent} of a request, and {asked} for by its host header; {sentence} {operation}
{service} of a denial; {target} {target_port} of a dependency.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

Lines = tuple[str, ...]
_PYTHON = "Traceback (most recent call last):"
_COMBINED = '{host} - - [{clf}] "GET {path} HTTP/1.1" {code} 43 "-" "{agent}"'


@dataclass(frozen=True, slots=True)
class Framework:
    """The lines of one framework; `access` is empty if it does not log requests."""

    name: str
    starting: Lines
    ready: Lines
    access: str
    shutdown: Lines
    noise: Lines
    """Harmless: warnings, deprecations, strangers' requests, errors that hurt nobody."""
    crashes: tuple[tuple[int, Lines], ...]
    """Exit code and last words of errors of its own."""
    denied: Lines
    unreachable: tuple[Lines, ...]
    memory: tuple[tuple[int, Lines], ...]
    """Exit code and last words when its memory runs out inside its limit; 137 has none of its own making."""
    errors: Mapping[str, Lines] = field(default_factory=dict)
    """`failing` beside a 500; `disk`, `files`: what it prints when it may write or open no more; `garbled`, `refused`:
    an unreadable or a refused request; `waiting`: while it waits for its dependency."""


_UVICORN = Framework(
    "uvicorn",
    ("INFO:     Started server process [1]", "INFO:     Waiting for application startup."),
    (
        "INFO:     Application startup complete.",
        "INFO:     Uvicorn running on {scheme}://{address}:{port} (Press CTRL+C to quit)",
    ),
    'INFO:     {client} - "GET {path} HTTP/1.1" {code} {phrase}',
    ("INFO:     Shutting down", "INFO:     Finished server process [1]"),
    (
        "/usr/local/lib/python3.11/site-packages/pydantic/_internal/_config.py:334: UserWarning: Valid config keys "
        "have changed in V2",
        "WARNING:  Invalid HTTP request received.",
        'INFO:     198.51.100.77:51514 - "GET /wp-login.php HTTP/1.1" 404 Not Found',
        "WARNING:app.cache:cache miss ratio is 0.61",
    ),
    (
        (
            1,
            (
                _PYTHON,
                '  File "/app/{app}/main.py", line 14, in <module>',
                "    from {app}.billing import charge",
                "ModuleNotFoundError: No module named '{app}.billing'",
            ),
        ),
        (
            3,
            (
                "ERROR:    Traceback (most recent call last):",
                '  File "/usr/local/lib/python3.11/site-packages/starlette/routing.py", line 734, in lifespan',
                "    async with self.lifespan_context(app) as maybe_state:",
                '  File "/app/{app}/settings.py", line 31, in load',
                "KeyError: 'PAYMENT_PROVIDER'",
                "ERROR:    Application startup failed. Exiting.",
            ),
        ),
    ),
    (
        "ERROR:    Traceback (most recent call last):",
        '  File "/app/{app}/aws.py", line 58, in load',
        "botocore.exceptions.ClientError: An error occurred (AccessDeniedException) when calling the {operation} "
        "operation: {sentence}",
    ),
    (
        (
            "ERROR:    Traceback (most recent call last):",
            'psycopg.OperationalError: connection failed: connection to server at "{target}", port {target_port} '
            "failed: Connection refused",
        ),
        (
            _PYTHON,
            "redis.exceptions.ConnectionError: Error 110 connecting to {target}:{target_port}. Connection timed out.",
        ),
        (
            _PYTHON,
            'psycopg2.OperationalError: could not translate host name "{target}" to address: Name or service not known',
        ),
    ),
    ((137, ()), (1, (_PYTHON, "MemoryError"))),
    {
        "failing": (
            "ERROR:    Exception in ASGI application",
            _PYTHON,
            '  File "/app/{app}/health.py", line 22, in health',
            "AttributeError: 'NoneType' object has no attribute 'execute'",
        ),
        "disk": (_PYTHON, "OSError: [Errno 28] No space left on device: '/tmp/{app}-cache/index.bin'"),
        "files": ("ERROR:asyncio:socket.accept() out of system resource", "OSError: [Errno 24] Too many open files"),
        "garbled": ("WARNING:  Invalid HTTP request received.",),
        "waiting": ("INFO:app.start:waiting for {target}:{target_port} ...",),
    },
)
_GUNICORN = Framework(
    "gunicorn",
    ("[{plain} +0000] [1] [INFO] Starting gunicorn 21.2.0",),
    (
        "[{plain} +0000] [1] [INFO] Listening at: {scheme}://{address}:{port} (1)",
        "[{plain} +0000] [1] [INFO] Using worker: sync",
        "[{plain} +0000] [7] [INFO] Booting worker with pid: 7",
    ),
    _COMBINED,
    ("[{plain} +0000] [1] [INFO] Handling signal: term", "[{plain} +0000] [1] [INFO] Shutting down: Master"),
    (
        "/app/manage.py:11: RemovedInDjango50Warning: The default value of USE_TZ will change from False to True",
        "[{plain} +0000] [7] [WARNING] Retrying request to metrics-proxy after timeout (attempt 1 of 5)",
        '198.51.100.77 - - [{clf}] "GET /.env HTTP/1.1" 404 179 "-" "Mozilla/5.0 zgrab/0.x"',
        "ERROR {app}.mail: could not send newsletter to bounce@example.com: mailbox unavailable",
    ),
    (
        (
            3,
            (
                "[{plain} +0000] [7] [ERROR] Exception in worker process",
                _PYTHON,
                '  File "/usr/local/lib/python3.11/site-packages/gunicorn/arbiter.py", line 609, in spawn_worker',
                "django.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be empty.",
                "[{plain} +0000] [7] [INFO] Worker exiting (pid: 7)",
                "[{plain} +0000] [1] [ERROR] Shutting down: Master",
                "[{plain} +0000] [1] [ERROR] Reason: Worker failed to boot.",
            ),
        ),
        (
            1,
            (
                _PYTHON,
                '  File "/app/manage.py", line 22, in <module>',
                "django.db.migrations.exceptions.NodeNotFoundError: Migration {app}.0042_prices dependencies reference "
                "nonexistent parent node ('{app}', '0041_auto')",
            ),
        ),
    ),
    (
        "[{plain} +0000] [7] [ERROR] Exception in worker process",
        _PYTHON,
        "botocore.errorfactory.AccessDeniedException: An error occurred (AccessDeniedException) when calling the "
        "{operation} operation: {sentence}",
    ),
    (
        (
            _PYTHON,
            'django.db.utils.OperationalError: connection to server at "{target}" (10.0.9.14), port {target_port} '
            "failed: Connection timed out",
            "\tIs the server running on that host and accepting TCP/IP connections?",
        ),
        (_PYTHON, "kombu.exceptions.OperationalError: [Errno 111] Connection refused ({target}:{target_port})"),
    ),
    (
        (137, ("[{plain} +0000] [1] [ERROR] Worker (pid:7) was sent SIGKILL! Perhaps out of memory?",)),
        (137, ()),
    ),
    {
        "failing": (
            "ERROR django.request: Internal Server Error: {path}",
            _PYTHON,
            "django.db.utils.ProgrammingError: column {app}_item.price does not exist",
        ),
        "disk": (_PYTHON, "OSError: [Errno 28] No space left on device"),
        "files": (
            "[{plain} +0000] [7] [ERROR] Socket error processing request.",
            "OSError: [Errno 24] Too many open files",
        ),
        "garbled": ("[{plain} +0000] [7] [WARNING] Invalid request from ip={host}: Invalid HTTP Version: (0, 9)",),
        "refused": (
            "ERROR django.security.DisallowedHost: Invalid HTTP_HOST header: '{asked}'. You may need to add "
            "'{asked}' to ALLOWED_HOSTS.",
        ),
        "waiting": ("waiting for database at {target}:{target_port} (attempt again in 2 s)",),
    },
)
_BOOT = Framework(
    "spring",
    (
        " :: Spring Boot ::                (v3.2.5)",
        "{iso}  INFO 1 --- [           main] com.example.{app}.Application : Starting Application v1.4.2 using Java "
        "17.0.11 with PID 1 (/app/app.jar started by app in /app)",
        "{iso}  INFO 1 --- [           main] o.s.b.w.embedded.tomcat.TomcatWebServer  : Tomcat initialized with port "
        "{port} ({scheme})",
    ),
    (
        "{iso}  INFO 1 --- [           main] o.s.b.w.embedded.tomcat.TomcatWebServer  : Tomcat started on port {port} "
        "({scheme}) with context path ''",
        "{iso}  INFO 1 --- [           main] com.example.{app}.Application : Started Application in {seconds} seconds "
        "(process running for {seconds})",
    ),
    '{host} - - [{clf}] "GET {path} HTTP/1.1" {code} 15 "{agent}"',
    ("{iso}  INFO 1 --- [ionShutdownHook] o.s.b.w.e.tomcat.GracefulShutdown : Commencing graceful shutdown.",),
    (
        "{iso}  WARN 1 --- [           main] JpaBaseConfiguration$JpaWebConfiguration : spring.jpa.open-in-view is "
        "enabled by default.",
        "WARNING: An illegal reflective access operation has occurred",
        "{iso}  WARN 1 --- [nio-{port}-exec-3] .w.s.m.s.DefaultHandlerExceptionResolver : Resolved "
        "[org.springframework.web.HttpRequestMethodNotSupportedException: Request method 'POST' is not supported]",
        "{iso} ERROR 1 --- [   scheduling-1] c.e.{app}.Newsletter : Could not render template welcome_v1",
    ),
    (
        (
            1,
            (
                "{iso} ERROR 1 --- [           main] o.s.boot.SpringApplication : Application run failed",
                "org.springframework.beans.factory.BeanCreationException: Error creating bean with name "
                "'paymentClient': Could not resolve placeholder 'payments.endpoint' in value \"${payments.endpoint}\"",
            ),
        ),
        (
            1,
            (
                "***************************",
                "APPLICATION FAILED TO START",
                "***************************",
                "Parameter 0 of constructor in com.example.{app}.OrderService required a bean of type "
                "'com.example.{app}.PriceList' that could not be found.",
            ),
        ),
        (
            134,
            (
                "# A fatal error has been detected by the Java Runtime Environment:",
                "#  SIGSEGV (0xb) at pc=0x00007f1e3c0a1b2c, pid=1, tid=24",
            ),
        ),
    ),
    (
        "{iso} ERROR 1 --- [           main] o.s.boot.SpringApplication : Application run failed",
        "Caused by: software.amazon.awssdk.services.{service}.model.{service}Exception: {sentence} (Service: "
        "{service}, Status Code: 400, Request ID: 3f0c7d1e-55a1-4e0d-9f0b-5f6f4f0d7a11)",
    ),
    (
        (
            "{iso} ERROR 1 --- [           main] com.zaxxer.hikari.pool.HikariPool : HikariPool-1 - Exception during "
            "pool initialization.",
            "org.postgresql.util.PSQLException: Connection to {target}:{target_port} refused. Check that the hostname "
            "and port are correct and that the postmaster is accepting TCP/IP connections.",
        ),
        (
            "{iso} ERROR 1 --- [           main] o.s.boot.SpringApplication : Application run failed",
            "Caused by: java.net.SocketTimeoutException: Connect timed out: {target}:{target_port}",
        ),
        ("Caused by: java.net.UnknownHostException: {target}: Name or service not known",),
    ),
    (
        (
            3,
            (
                "java.lang.OutOfMemoryError: Java heap space",
                "Terminating due to java.lang.OutOfMemoryError: Java heap space",
            ),
        ),
        (137, ()),
    ),
    {
        "failing": (
            "{iso} ERROR 1 --- [nio-{port}-exec-1] o.a.c.c.C.[.[.[/].[dispatcherServlet] : Servlet.service() for "
            "servlet [dispatcherServlet] threw exception",
            "java.lang.IllegalStateException: rates table is empty",
        ),
        "disk": ("java.io.IOException: No space left on device",),
        "files": ("java.net.SocketException: Too many open files", "java.io.IOException: Too many open files"),
        "garbled": (
            "{iso}  INFO 1 --- [nio-{port}-exec-2] o.apache.coyote.http11.Http11Processor : Error parsing HTTP request "
            "header",
        ),
        "waiting": ("{iso}  INFO 1 --- [           main] c.e.{app}.Startup : Waiting for {target}:{target_port}",),
    },
)
TRAINING: Mapping[str, Framework] = {one.name: one for one in (_UVICORN, _GUNICORN, _BOOT)}

"""The frameworks of the test dialect: other languages, log formats and AWS SDKs than those of `frameworks`."""

from collections.abc import Mapping

from ecs_notebook_lib.simulate.frameworks import Framework

_COMBINED = '{host} - - [{clf}] "GET {path} HTTP/1.1" {code} 21 "-" "{agent}"'
_EXPRESS = Framework(
    "express",
    ("> {app}@2.8.1 start", "> node dist/server.js"),
    ("Server listening on {scheme}://{address}:{port}",),
    _COMBINED,
    ("SIGTERM received, closing server",),
    (
        "(node:1) [DEP0040] DeprecationWarning: The `punycode` module is deprecated.",
        "npm notice New major version of npm available! 10.2.4 -> 11.0.0",
        '198.51.100.23 - - [{clf}] "GET /vendor/phpunit/eval-stdin.php HTTP/1.1" 404 158 "-" "python-requests/2.31"',
        "Error: webhook delivery failed, will retry: ETIMEDOUT https://hooks.example.com",
    ),
    (
        (
            1,
            (
                "node:internal/modules/cjs/loader:1148",
                "  throw err;",
                "Error: Cannot find module '/app/dist/routes/prices'",
                "Node.js v20.11.1",
            ),
        ),
        (
            1,
            (
                "/app/dist/config.js:18",
                "TypeError: Cannot read properties of undefined (reading 'split')",
                "    at Object.<anonymous> (/app/dist/config.js:18:41)",
                "Node.js v20.11.1",
            ),
        ),
    ),
    (
        "AccessDeniedException: {sentence}",
        "    at throwDefaultError (/app/node_modules/@smithy/smithy-client/dist-cjs/index.js:867:20)",
        "  '$fault': 'client', '$metadata': { httpStatusCode: 400, attempts: 1, totalRetryDelay: 0 }",
    ),
    (
        ("Error: connect ECONNREFUSED {target}:{target_port}", "    at TCPConnectWrap.afterConnect [as oncomplete]"),
        ("Error: getaddrinfo ENOTFOUND {target}", "    at GetAddrInfoReqWrap.onlookup [as oncomplete]"),
        ("MongoServerSelectionError: connection timed out to {target}:{target_port}",),
    ),
    (
        (
            134,
            (
                "<--- Last few GCs --->",
                "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
            ),
        ),
        (137, ()),
    ),
    {
        "failing": (
            'Error: relation "rates" does not exist',
            "    at Parser.parseErrorMessage (pg-protocol/parser.js:283)",
        ),
        "disk": ("Error: ENOSPC: no space left on device, write",),
        "files": ("Error: EMFILE: too many open files, open '/app/views/index.html'",),
        "garbled": ("Error: Parse Error: Invalid method encountered  rawPacket: <Buffer 16 03 01 02 00>",),
        "refused": ("Error: Blocked host: {asked}",),
        "waiting": ("waiting for {target}:{target_port}...",),
    },
)
_GO = Framework(
    "go",
    ('{"time":"{iso}","level":"INFO","msg":"starting {app}","version":"v0.19.3"}',),
    ('{"time":"{iso}","level":"INFO","msg":"listening","addr":"{address}:{port}"}',),
    '{"time":"{iso}","level":"INFO","msg":"request","method":"GET","path":"{path}","status":{code},"remote":"{client}",'
    '"user_agent":"{agent}"}',
    ('{"time":"{iso}","level":"INFO","msg":"shutdown signal received","signal":"terminated"}',),
    (
        '{"time":"{iso}","level":"WARN","msg":"config key cache.ttl is deprecated, use cache.expiry"}',
        '{"time":"{iso}","level":"ERROR","msg":"could not fetch feature flags, using defaults"}',
        "http: TLS handshake error from 198.51.100.23:41822: EOF",
    ),
    (
        (
            2,
            (
                "panic: runtime error: invalid memory address or nil pointer dereference",
                "[signal SIGSEGV: segmentation violation code=0x1 addr=0x18 pc=0x7b2f41]",
                "goroutine 1 [running]:",
                "main.main()",
                "\t/src/cmd/{app}/main.go:71 +0x4f2",
            ),
        ),
        (1, ('{"time":"{iso}","level":"ERROR","msg":"invalid configuration","err":"PRICE_SOURCE must be set"}',)),
    ),
    (
        '{"time":"{iso}","level":"ERROR","msg":"start failed","err":"operation error {service}: {operation}, https '
        'response error StatusCode: 400, RequestID: 6c1f0b52, api error AccessDeniedException: {sentence}"}',
    ),
    (
        (
            '{"time":"{iso}","level":"ERROR","msg":"ping database","err":"dial tcp {target}:{target_port}: connect: '
            'connection refused"}',
        ),
        (
            '{"time":"{iso}","level":"ERROR","msg":"ping database","err":"dial tcp: lookup {target} on 10.0.0.2:53: '
            'no such host"}',
        ),
        ('{"time":"{iso}","level":"ERROR","msg":"ping cache","err":"dial tcp {target}:{target_port}: i/o timeout"}',),
    ),
    ((137, ()), (2, ("fatal error: runtime: out of memory", "runtime: cannot allocate memory"))),
    {
        "failing": ('{"time":"{iso}","level":"ERROR","msg":"health","err":"pq: permission denied for table rates"}',),
        "disk": (
            '{"time":"{iso}","level":"ERROR","msg":"spool","err":"write /var/spool/{app}/q.dat: no space left on '
            'device"}',
        ),
        "files": ("http: Accept error: accept tcp [::]:{port}: accept4: too many open files; retrying in 1s",),
        "garbled": ("http: TLS handshake error from {client}: tls: first record does not look like a TLS handshake",),
        "waiting": ('{"time":"{iso}","level":"INFO","msg":"waiting for dependency","addr":"{target}:{target_port}"}',),
    },
)
_PUMA = Framework(
    "puma",
    ("=> Booting Puma", "=> Rails 7.1.3 application starting in production", "Puma starting in single mode..."),
    ("* Listening on {scheme}://{address}:{port}", "Use Ctrl-C to stop"),
    "method=GET path={path} format=*/* controller=HealthController action=show status={code} duration=2.41 ip={host}",
    ("- Gracefully stopping, waiting for requests to finish",),
    (
        "DEPRECATION WARNING: Passing the coder as positional argument is deprecated (called from <class:Order>)",
        "W, [{iso} #1]  WARN -- : Sidekiq push retried",
        'ActionController::RoutingError (No route matches [GET] "/xmlrpc.php"):',
    ),
    (
        (
            1,
            (
                "! Unable to load application: NameError: uninitialized constant PriceImporter",
                "/app/config/initializers/prices.rb:3:in `<main>': uninitialized constant PriceImporter (NameError)",
            ),
        ),
        (
            1,
            (
                "rails aborted!",
                "ActiveRecord::PendingMigrationError: Migrations are pending. To resolve this issue, run:",
            ),
        ),
    ),
    ("Aws::{service}::Errors::AccessDeniedException ({sentence}):", "app/lib/aws_settings.rb:12:in `load!'"),
    (
        (
            'ActiveRecord::ConnectionNotEstablished: connection to server at "{target}", port {target_port} failed: '
            "Connection refused",
        ),
        ("Redis::CannotConnectError: Error connecting to Redis on {target}:{target_port} (Redis::TimeoutError)",),
        ("SocketError: getaddrinfo: Name or service not known ({target}:{target_port})",),
    ),
    ((137, ()), (1, ("[FATAL] failed to allocate memory (NoMemoryError)",))),
    {
        "failing": ("F, [{iso} #1] FATAL -- : NoMethodError (undefined method `rate' for nil:NilClass):",),
        "disk": ("Errno::ENOSPC: No space left on device @ fptr_finalize_flush - /app/tmp/cache/bootsnap",),
        "files": ('Errno::EMFILE: Too many open files - socket(2) for "127.0.0.1" port 6379',),
        "garbled": ("Puma HTTP parse error, malformed request: #<Puma::HttpParserError: Invalid HTTP format>",),
        "refused": ("[ActionDispatch::HostAuthorization::DefaultResponseApp] Blocked hosts: {asked}",),
        "waiting": ("Waiting for {target}:{target_port} to accept connections",),
    },
)
_NGINX = Framework(
    "nginx",
    ("/docker-entrypoint.sh: Configuration complete; ready for start up",),
    ("{slash} [notice] 1#1: nginx/1.25.4", "{slash} [notice] 1#1: start worker processes"),
    _COMBINED,
    ("{slash} [notice] 1#1: signal 15 (SIGTERM) received, exiting",),
    (
        '{slash} [warn] 1#1: the "user" directive makes sense only if the master process runs with super-user '
        "privileges, ignored in /etc/nginx/nginx.conf:2",
        '{slash} [error] 29#29: *7 open() "/usr/share/nginx/html/favicon.ico" failed (2: No such file or directory)',
        '198.51.100.23 - - [{clf}] "GET /.git/config HTTP/1.1" 404 153 "-" "Go-http-client/1.1"',
    ),
    (
        (1, ('{slash} [emerg] 1#1: unknown directive "proxy_passs" in /etc/nginx/conf.d/default.conf:14',)),
        (1, ('{slash} [emerg] 1#1: cannot load certificate "/etc/nginx/tls/site.pem": BIO_new_file() failed',)),
    ),
    ("{slash} [error] entrypoint: {operation} failed: AccessDeniedException: {sentence}",),
    (
        ('{slash} [emerg] 1#1: host not found in upstream "{target}" in /etc/nginx/conf.d/default.conf:9',),
        (
            "{slash} [error] 29#29: *1 connect() failed (111: Connection refused) while connecting to upstream, "
            'upstream: "http://{target}:{target_port}/"',
        ),
    ),
    ((137, ()),),
    {
        "failing": ('{slash} [error] 29#29: *3 rewrite or internal redirection cycle while processing "{path}"',),
        "disk": (
            '{slash} [crit] 29#29: *5 pwrite() "/var/cache/nginx/client_temp/0001" failed (28: No space left on '
            "device)",
        ),
        "files": ("{slash} [alert] 29#29: socket() failed (24: Too many open files) while connecting to upstream",),
        "garbled": ('{host} - - [{clf}] "\\x16\\x03\\x01\\x02\\x00\\x01" 400 157 "-" "-"',),
        "waiting": ("entrypoint: waiting for {target}:{target_port}",),
    },
)
TEST: Mapping[str, Framework] = {one.name: one for one in (_EXPRESS, _GO, _PUMA, _NGINX)}

"""What programs print in the course of a day is no message of an error, however much it resembles one."""

import pytest

from ecs_notebook_lib.knowledge.messages import error_kinds, find_in_log, templates
from ecs_notebook_lib.knowledge.tables import read_table

WORDINGS = read_table("log_lines")["message"]
HARMLESS = """\
waiting for requests to finish
retrying connection succeeded
0 errors, 0 warnings
password policy loaded
SELECT id, expires_at FROM certificates
certificate valid until 2026-01-01
all required environment variables are set
loaded 14 environment variables
DATABASE_URL environment variable not set, using the default
optional parameter not set, using the default
config file not found, using defaults
DeprecationWarning: Unhandled promise rejections are deprecated
10-listen-on-ipv6-by-default.sh: info: can not modify /etc/nginx/conf.d/default.conf (read-only file system?)
http: TLS handshake error from 10.0.1.5:4242: EOF
OOM command not allowed when used memory > 'maxmemory'
refresh: user not found
token refresh: session not found
item not found
GET /orders/7 404 not found
added 10.0.0.7 to allowed hosts
connecting to db.internal:5432
connected to redis at cache:6379
connection pool size is 10
connection to kafka established
resolved db.internal to 10.0.2.9
the name resolves to 2 addresses
timeout set to 30 seconds
connect timeout is 5000 ms
request timeout configured: 30 s
no migrations to apply
Running upgrade 1a2b -> 3c4d, add orders
schema is up to date
table orders created
column total added
module app.main loaded
found 3 modules in /app
class App loaded in 3 ms
library libssl loaded
permission check passed
access granted to user 7
user 7 logged in
login succeeded for user 7
authentication succeeded
file /app/x opened
128 files open
disk usage 40 %
memory usage 310 MB of 512 MB
heap size 256 MB
garbage collection took 12 ms
allocated 1024 bytes
signal handlers registered
handling SIGHUP, reloading configuration
health check passed
region is us-east-1
using credentials of the task role
assumed role web
port 8080 is exposed
binding port 8080
TLS is enabled
HTTP to HTTPS redirect enabled
host header is checked
allowed hosts: *
worker 3 started
workers: 4
process 12 exited with code 0
exec took 3 ms
executing command migrate
command finished
shell is /bin/sh
application metrics enabled
invalid coupon code
order 7 could not be delivered, customer informed
user typed a wrong password
cache miss for key 7
retry 1 of 3
circuit breaker is closed
lookup of user 7 took 3 ms
brokers: 3
partition 0 assigned
consumer group joined
unknown column order ignored
no such page, redirecting to /
""".splitlines()
OF_ANOTHER_KIND = [
    ("dial tcp 10.0.2.9:5432: connect: connection refused", "connection_refused"),
    ("ConnectionError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self signed", "certificate_invalid"),
    ("PHP Fatal error: Uncaught PDOException: SQLSTATE[HY000] [2002] Connection refused", "connection_refused"),
    (
        "PHP Fatal error: Allowed memory size of 134217728 bytes exhausted (tried to allocate 4096 bytes)",
        "heap_exhausted",
    ),
    ("nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)", "address_in_use"),
    ("exec /app/server: exec format error", "architecture"),
    ("standard_init_linux.go:228: exec user process caused: exec format error", "architecture"),
    ('open() "/var/log/nginx/error.log" failed (13: Permission denied)', "file_permission_denied"),
    ("Error: listen EACCES: permission denied 0.0.0.0:80", "file_permission_denied"),
    ("ERROR: permission denied for schema public", "database_denied"),
    ("Starting http server on port 8080", None),
    ('{"level":"error","error":"dial tcp: lookup db on 10.0.0.2:53: no such host"}', "name_not_resolved"),
    ("INFO Server started on: http://127.0.0.1:3000 (bound on host 0.0.0.0 and port 3000)", "ready"),
    ('10.0.1.5 - - [12/Jul/2025:09:00:01 +0000] "GET /?q=core+dumped HTTP/1.1" 200 15 "-" "curl/8.1"', "http_access"),
]


@pytest.mark.parametrize("line", HARMLESS)
def test_a_line_of_every_day_is_not_recognised(line):
    assert find_in_log(line) is None


@pytest.mark.parametrize(("line", "kind"), OF_ANOTHER_KIND)
def test_of_several_wordings_in_a_line_the_one_that_tells_most_counts(line, kind):
    message = find_in_log(line)

    assert (message.kind if message else None) == kind


def test_wordings_are_of_kinds_that_the_other_tables_have():
    elsewhere = {row["kind"] for name in ("messages", "quoted") for row in read_table(name)["message"]}

    assert {row["kind"] for row in WORDINGS} <= elsewhere
    assert {row["where"] for row in WORDINGS} == {"log_line"}


def test_a_kind_names_a_family_in_all_its_wordings_or_in_none():
    named = {(row.kind, bool(row.family)) for row in templates() if row.where == "log_line"}

    assert {kind for kind, family in named if not family}.isdisjoint(error_kinds())


def test_no_wording_stands_twice_or_is_too_short_to_be_meant():
    literals = [row["template"].lower() for row in WORDINGS]

    assert len(set(literals)) == len(literals)
    assert min(row.weight for row in templates() if row.source in {wording["source"] for wording in WORDINGS}) >= 6

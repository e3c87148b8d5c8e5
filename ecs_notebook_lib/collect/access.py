"""Sessions and clients. Credentials, profile, region and endpoint are boto3's own chain."""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ecs_notebook_lib.collect.rates import Rates
from ecs_notebook_lib.collect.reading import fast_reading
from ecs_notebook_lib.errors import AccessError
from ecs_notebook_lib.version import __version__

_MAX_ATTEMPTS = 6
"""Tries of one call, unless AWS_MAX_ATTEMPTS or the profile says otherwise: boto3's 3 give up on a busy account."""

_SIMULATED_KEY = "AKIASIMULATED"
"""The access key of the simulated account; those of a simulated fleet's further accounts begin with it."""

_ALWAYS_NEEDED = ("elbv2", "iam", "ecr", "cloudwatch", "ec2", "logs", "cloudtrail")
_ASKED_BRIEFLY = frozenset({"cloudtrail"})
_BRIEF = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 4})
"""For what is asked under a deadline: an answer that does not come soon is done without."""

_RETRY_SECONDS, _BRIEF_RETRY_SECONDS = 40.0, 8.0
"""A call first made so long ago is not tried again: throttled, it had all its tries by then; timed out, two of them."""

_LONGEST_PAUSE = 20.0
"""Between two tries at most: botocore's `retries/standard.py`, `ExponentialBackoff`."""

_SHARED_RATES: defaultdict[str, Rates] = defaultdict(Rates)
"""By access key: which account it belongs to is not known without a call."""

_FIRST_SENT = "ecs_notebook_first_sent"
_ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1})


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach AWS; an empty value leaves it to boto3's own chain."""

    profile: str = ""
    region: str = ""
    role_arn: str = ""
    endpoint_url: str = ""


class Clients:
    """The clients of one session, each made on first use.

    Clients are made one after another: making them in threads is slower, and a boto3 session is not thread-safe.
    The clients themselves may be used in threads (boto3 guide, "Multithreading or multiprocessing with clients"). They
    have the operations of `knowledge/operations.toml` and `write_operations.toml` only.
    Every try of a call waits for `rates`. Where none are given, calls to AWS itself wait for those that all clients of
    the same credentials share, and calls to other endpoints do not wait. `config` overrides the kit's own settings.
    """

    def __init__(
        self, session: Any, *, endpoint_url: str = "", rates: Rates | None = None, config: Config | None = None
    ) -> None:
        self._session = session
        self._rates = rates
        self._paced = rates is not None
        self._endpoint_url = endpoint_url or None
        self._config = Config(**_settings(session))
        self._own = config or Config()
        self._clients: dict[tuple[str, str, bool], Any] = {}
        self._lock = threading.Lock()

    @property
    def region(self) -> str:
        """Return the region of the session."""
        return str(self._session.region_name)

    def get(self, service: str, region: str = "", *, once: bool = False) -> Any:
        """Return the client of a service by botocore's name, in the session's region or in another one.

        With `once` it makes each call once: for a write whose answer is lost it is not known whether it was made.
        """
        key = (service, region or self.region, once)
        made = self._clients.get(key)
        if made is not None:  # without the lock: somebody else's client may be in the making
            return made
        with self._lock:
            if key not in self._clients:
                config = self._config.merge(_BRIEF) if service in _ASKED_BRIEFLY else self._config
                config = config.merge(self._own)
                config = config.merge(_ONCE) if once else config
                with fast_reading(self._session):
                    client = self._session.client(
                        service, region_name=key[1], config=config, endpoint_url=self._endpoint_url
                    )
                self._pace(client, service, key[1])
                _limit_retries(client, _BRIEF_RETRY_SECONDS if service in _ASKED_BRIEFLY else _RETRY_SECONDS)
                self._clients[key] = client
            return self._clients[key]

    def prepare(self) -> None:
        """Make the clients that every incident needs, in the order in which it does, while the first answers come."""
        for service in _ALWAYS_NEEDED:
            with suppress(BotoCoreError, ValueError):  # who needs it tells
                self.get(service)

    @property
    def rates(self) -> Rates:
        """Return what calls to AWS wait for, so as to stay within its rates."""
        if self._rates is None:
            credentials = self._session.get_credentials()
            self._rates = _SHARED_RATES[credentials.access_key if credentials else ""]
        return self._rates

    def share(self, rates: Rates) -> None:
        """Let calls to AWS wait for these from the next client on: an account can be reached by several keys."""
        self._rates = self._rates or rates

    def _pace(self, client: Any, service: str, region: str) -> None:
        """Let each try wait before it is signed: one that was signed and then waits could be too old."""
        if self._paced or self.is_aws(client):
            rates = self.rates

            def wait(operation_name: str, **_: Any) -> None:
                rates.wait(f"{service}:{operation_name}", region)

            client.meta.events.register("before-sign", wait)

    @property
    def longest_call_seconds(self) -> float:
        """Return how long one call can take until it is given up, the waits for AWS's rates aside: all its tries.

        No try begins later than the longest pause after the time for retries has run out, and it ends by its time-out.
        """
        config = self._config.merge(self._own)
        one = config.connect_timeout + config.read_timeout
        tries = config.retries.get("total_max_attempts", _MAX_ATTEMPTS)
        pauses = sum(min(2.0**number, _LONGEST_PAUSE) for number in range(tries - 1))
        return float(min(tries * one + pauses, _RETRY_SECONDS + _LONGEST_PAUSE + one))

    def is_aws(self, client: Any) -> bool:
        """Say whether AWS itself answers a client: not a server of one's own, nor the simulated account."""
        credentials = self._session.get_credentials()
        simulated = credentials is not None and credentials.access_key.startswith(_SIMULATED_KEY)
        return _is_host_of_aws(client.meta.endpoint_url) and not simulated

    def storage_settings(self) -> dict[str, Any]:
        """Return what pyarrow's S3FileSystem needs to act as this session does, with the credentials of now.

        Raises
        ------
        AccessError
            If there are no credentials.
        """
        credentials = self._session.get_credentials()
        if credentials is None:
            raise AccessError("S3 cannot be reached: there are no credentials. Set them or give --profile.")
        now = credentials.get_frozen_credentials()
        settings = {"access_key": now.access_key, "secret_key": now.secret_key, "session_token": now.token}
        url = self.get("s3").meta.endpoint_url
        scheme, _, host = url.partition("://")
        elsewhere = {} if _is_host_of_aws(url) else {"endpoint_override": host, "scheme": scheme}
        return {**settings, **elsewhere, "region": self.region}


def _limit_retries(client: Any, seconds: float) -> None:
    """Let no call be tried again that was first made so many seconds ago; waiting for its turn does not count."""
    service = client.meta.service_model.service_id.hyphenize()

    def sent(request: Any, **_: Any) -> None:
        request.context.setdefault(_FIRST_SENT, time.monotonic())

    def is_late(request_dict: Mapping[str, Any], **_: Any) -> bool | None:
        first = request_dict["context"].get(_FIRST_SENT)
        return False if first is not None and time.monotonic() - first >= seconds else None

    client.meta.events.register_last(f"request-created.{service}", sent)
    client.meta.events.register_first(f"needs-retry.{service}", is_late)  # False comes before botocore's own pause


def _is_host_of_aws(url: str) -> bool:
    return (urlsplit(url).hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn"))


def _settings(session: Any) -> dict[str, Any]:
    configured = session._session.get_config_variable("max_attempts")  # boto3 has no public way to ask
    retries = {"mode": "adaptive"} | ({} if configured else {"total_max_attempts": _MAX_ATTEMPTS})
    return {
        "retries": retries,
        "connect_timeout": 5,
        "read_timeout": 30,
        "max_pool_connections": 64,  # as many as four collections at once need: one that is over is thrown away
        "user_agent_extra": f"ecs-notebook-lib/{__version__}",
    }


def open_clients(access: Access, *, rates: Rates | None = None) -> Clients:
    """Return clients for `access`, in the session of `role_arn` if one is given.

    Calls wait for `rates` if they are given; all clients of one account should share them.

    Raises
    ------
    AccessError
        If there is no such profile, no region, or the role cannot be assumed.
    """
    try:
        session = boto3.Session(profile_name=access.profile or None, region_name=access.region or None)
        if not session.region_name:  # boto3 reads AWS_DEFAULT_REGION only, the aws command and other SDKs this one, too
            session = boto3.Session(profile_name=access.profile or None, region_name=os.environ.get("AWS_REGION"))
        if access.role_arn:
            session = _assume(session, access)
    except (BotoCoreError, ClientError) as error:
        raise AccessError(f"AWS cannot be reached: {error}. Check --profile and --role-arn.") from error
    if not session.region_name:
        raise AccessError("No region is set. Give --region, or set AWS_REGION or the profile's region.")
    return Clients(session, endpoint_url=access.endpoint_url, rates=rates)


def _assume(session: Any, access: Access) -> Any:
    sts = session.client("sts", endpoint_url=access.endpoint_url or None)
    answer = sts.assume_role(RoleArn=access.role_arn, RoleSessionName="ecs-notebook")
    credentials = answer["Credentials"]
    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name=session.region_name,
    )


def simulated_session(region: str, access_key: str = _SIMULATED_KEY) -> Any:
    """Return a session that reads neither the caller's profile nor credentials: its calls never leave the process.

    `access_key` is that of a place of a simulated fleet.
    """
    from botocore.session import Session

    core = Session(session_vars={"profile": (None, [], None, None), "config_file": (None, [], "", None)})
    core.set_config_variable("region", region)
    core.set_credentials(access_key, "simulated")
    return boto3.Session(botocore_session=core, region_name=region)

"""Names of places and owners in text, each of which gets a pseudonym: addresses, hosts, accounts, mailboxes, ids."""

import ipaddress
import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from ecs_notebook_lib.redact.addresses import AddressMap, address_text
from ecs_notebook_lib.redact.hosts import aws_name, dashed_address, is_host, is_of_aws, is_told_to_be_a_host
from ecs_notebook_lib.redact.pseudonyms import MARK, Pseudonyms

_LABEL = r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}"
_HOST = rf"{_LABEL}(?:\.{_LABEL}){{1,20}}"
V4 = r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}"
V6 = r"(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}"
_MAC = r"[0-9A-Fa-f]{2}(?P<between>[:-])(?:[0-9A-Fa-f]{2}(?P=between)){4}[0-9A-Fa-f]{2}"
_LENGTH = r"(?:/\d{1,3}(?!\w|\.\w))?"
_TOKEN = rf"""(?:
      (?P<kept>[0-9a-fA-F]{{8}}-(?:[0-9a-fA-F]{{4}}-){{3}}[0-9a-fA-F]{{12}}(?![\w-])
        |sha256:[0-9a-f]{{64}}|ecs-svc/\d+|REDACTED-[a-z-]+)
    | (?P<v4>(?<!ersion=)(?<!ersion\ )(?<!hrome/){V4}{_LENGTH}(?!\w))
    | (?P<mac>{_MAC}(?![\w:-]))
    | (?P<v6>{V6}{_LENGTH}(?![\w:]|\.\d))
    | (?P<account>\d{{12}}(?![0-9A-Za-z]|\.\d))
    | (?P<dashed>\d{{4}}-\d{{4}}-\d{{4}}(?![\w-]))
    | (?P<id>(?:AIDA|AROA)[A-Z0-9]{{12,}}(?![A-Za-z0-9]))
    | (?P<node>(?:ip|ec2)-\d{{1,3}}(?:-\d{{1,3}}){{3}}(?![\w-]|\.\w))
    | (?P<host>{_HOST})
)"""
_BEGIN = r"(?<![0-9A-Za-z.])"
AFTER_ESCAPE = r"(?<=\\[nrtbf])|(?<=\dm)|(?<=\[m)|(?<=%[0-9A-Fa-f][0-9A-Fa-f])"
_ESCAPE = r"(?P<escape>\\[nrtbf\\]|\x1b\[[\d;]{0,20}m|%[0-9A-Fa-f]{2})"
"""What may stand before a token and looks like a part of it: escapes of JSON and URLs, the end of a colour."""

_TOKENS = re.compile(_BEGIN + _TOKEN, re.VERBOSE | re.ASCII)
_TOKENS_AMONG_ESCAPES = re.compile(f"{_ESCAPE}|(?:{_BEGIN}|{AFTER_ESCAPE}){_TOKEN}", re.VERBOSE | re.ASCII)
_ESCAPES = re.compile(r"[\\%\x1b]")
_MAILBOX = re.compile(rf"(?:(?<![A-Za-z0-9._%+-])|{AFTER_ESCAPE})([A-Za-z0-9._%+-]{{1,64}})@({_HOST})", re.ASCII)
_OWN_MAILBOX = re.compile(r"[b-z]{3,40}@(?:host-)?[b-z]{3,40}\.example", re.ASCII)
_NOBODYS = frozenset({"git", "hg", "npm", "noreply", "no-reply"})


class Places:
    """Replaces names of places and owners, and counts them by kind."""

    def __init__(self, pseudonyms: Pseudonyms, addresses: AddressMap, known: frozenset[str]) -> None:
        self._pseudonyms = pseudonyms
        self._addresses = addresses
        self._known = known
        self._made: set[str] = set()
        self._accounts = re.compile(rf"(?<!\d)(?:{'|'.join(sorted(filter(str.isdecimal, known))) or '(?!)'})(?!\d)")
        self._ways: dict[str, Callable[[str], str]] = {
            "v4": self._address,
            "v6": self._address,
            "account": self._account,
            "dashed": self._dashed,
            "id": pseudonyms.principal_id,
            "mac": pseudonyms.mac,
            "node": self._node,
        }

    def mask(self, text: str, masked: Counter[str]) -> str:
        """Return text with every such name replaced."""
        text = self._accounts.sub(lambda match: self._known_account(match, masked), text)
        if "@" in text:
            text = _MAILBOX.sub(lambda match: self._mailbox(match, masked), text)
        tokens = _TOKENS_AMONG_ESCAPES if _ESCAPES.search(text) else _TOKENS
        return tokens.sub(lambda match: self._token(match, masked), text)

    def _token(self, match: re.Match[str], masked: Counter[str]) -> str:
        kind = str(match.lastgroup)
        token = match[0]
        if kind in ("kept", "escape") or token in self._pseudonyms.made:
            return token
        replaced = self._host(match) if kind == "host" else self._ways[kind](token)
        if replaced != token:
            masked[_KINDS[kind]] += 1
        return replaced

    def _known_account(self, match: re.Match[str], masked: Counter[str]) -> str:
        masked["account id"] += 1
        return self._pseudonyms.account(match[0])

    def _account(self, token: str) -> str:
        if token not in self._known and (token in self._pseudonyms.made or _is_a_time(token)):
            return token
        return self._pseudonyms.account(token)

    def _dashed(self, token: str) -> str:
        account = token.replace("-", "")
        if account not in self._known:
            return token
        moved = self._pseudonyms.account(account)
        return self._pseudonyms.remember(f"{moved[:4]}-{moved[4:8]}-{moved[8:]}")

    def _address(self, token: str) -> str:
        if token.partition("/")[0] in self._made and token.partition("/")[0] not in self._known:
            return token
        text, slash, length = token.partition("/")
        try:
            address = ipaddress.ip_address(text)
            network = ipaddress.ip_network(token) if slash and text != "::" else None
        except ValueError:
            return self._address(text) + slash + length if slash else token
        moved = self._addresses.network(network).network_address if network else self._addresses.address(address)
        shown = address_text(text, moved)
        self._made.add(shown)
        return shown + slash + length

    def _node(self, name: str) -> str:
        head, address, tail = dashed_address(name) or (name, "", "")
        return head + self._address(address).replace(".", "-") + tail

    def _host(self, match: re.Match[str]) -> str:
        name = match[0]
        if dashed_address(name):
            return self._node(name)
        if is_of_aws(name):
            return _ACCOUNT_LABEL.sub(lambda found: self._account(found[0]), aws_name(name, self._pseudonyms))
        told = is_told_to_be_a_host(match.string, match.start(), match.end())
        if is_host(name, told=told):
            return self._pseudonyms.host(name)
        return _ACCOUNT_LABEL.sub(lambda found: self._account(found[0]), name)

    def _mailbox(self, match: re.Match[str], masked: Counter[str]) -> str:
        name, host = match.groups()
        if (
            name.startswith(MARK)
            or _OWN_MAILBOX.fullmatch(match[0])
            or name.lower() in _NOBODYS
            or not host.rpartition(".")[2].isalpha()
        ):
            return match[0]
        masked["mailbox"] += 1
        return f"{self._pseudonyms.mailbox(name)}@{self._pseudonyms.host(host)}"


_ACCOUNT_LABEL = re.compile(r"(?<![0-9A-Za-z])\d{12}(?![0-9A-Za-z])")
SAME_FORM = frozenset({"IP address", "account id", "MAC address"})
"""Kinds whose pseudonyms are read as what they stand for is."""

_KINDS = {
    "v4": "IP address",
    "v6": "IP address",
    "account": "account id",
    "dashed": "account id",
    "id": "principal",
    "mac": "MAC address",
    "node": "IP address",
    "host": "host name",
}


def _is_a_time(digits: str) -> bool:
    """Say whether twelve digits read as a time, as tags of images do: `202507120915`."""
    try:
        return datetime.strptime(digits, "%Y%m%d%H%M").year in range(2000, 2100)
    except ValueError:
        return False

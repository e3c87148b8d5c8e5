"""A maintained detector behind our own rules: the plug-ins of detect-secrets, by their patterns alone.

Their `analyze_string` is called and nothing else of them: what verifies a secret would send it to a host.
"""

import re
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from importlib import import_module

from ecs_notebook_lib.redact.pseudonyms import MARK

_PLUGINS = {
    "artifactory": "ArtifactoryDetector",
    "aws": "AWSKeyDetector",
    "azure_storage_key": "AzureStorageKeyDetector",
    "basic_auth": "BasicAuthDetector",
    "cloudant": "CloudantDetector",
    "discord": "DiscordBotTokenDetector",
    "github_token": "GitHubTokenDetector",
    "gitlab_token": "GitLabTokenDetector",
    "ibm_cloud_iam": "IbmCloudIamDetector",
    "ibm_cos_hmac": "IbmCosHmacDetector",
    "jwt": "JwtTokenDetector",
    "mailchimp": "MailchimpDetector",
    "npm": "NpmDetector",
    "openai": "OpenAIDetector",
    "pypi_token": "PypiTokenDetector",
    "sendgrid": "SendGridDetector",
    "slack": "SlackDetector",
    "softlayer": "SoftlayerDetector",
    "square_oauth": "SquareOAuthDetector",
    "stripe": "StripeDetector",
    "telegram_token": "TelegramBotTokenDetector",
    "twilio": "TwilioKeyDetector",
}
"""By module. Left out: those for which any quoted word or any word behind a name is one (ours know AWS's texts),
public addresses, which get pseudonyms, and private keys, whose first line alone it finds."""

_WORD = re.compile(r"[^\s\"'{},;]{13,4096}")
_RUN = re.compile(r"[A-Za-z0-9_-]{13,}", re.ASCII)
_ORDINARY = re.compile(r"[0-9a-f-]+|[0-9A-F-]+|[\d:-]+T[\d:-]*|[a-z_-]+|[A-Z]?[a-z-]+(?:[A-Z][a-z-]+)*", re.ASCII)
"""Digests, ids, times and names: what a log is full of."""
_SHORTEST = 8


def detected(text: str) -> set[str]:
    """Return what the detector takes for a secret in a text. It is asked of each long word with a digit by itself."""
    return {secret for word in _WORD.findall(text) if _is_suspicious(word) for secret in _in_word(word)}


def _is_suspicious(word: str) -> bool:
    return MARK not in word and any(not _ORDINARY.fullmatch(run) for run in _RUN.findall(word))


@lru_cache(maxsize=100_000)
def _in_word(word: str) -> frozenset[str]:
    found = (secret for analyze in _analyzers() for secret in analyze(word))
    return frozenset(secret for secret in found if len(secret) >= _SHORTEST)


@cache
def _analyzers() -> tuple[Callable[[str], Iterable[str]], ...]:
    modules = {name: import_module(f"detect_secrets.plugins.{name}") for name in _PLUGINS}
    return tuple(getattr(modules[name], plugin)().analyze_string for name, plugin in _PLUGINS.items())

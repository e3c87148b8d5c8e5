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

_WORD = re.compile(r"\S{16,4096}")
_SHORTEST, _LEAST_LETTERS = 8, 6


def detected(text: str) -> set[str]:
    """Return what the detector takes for a secret in a text. It is asked of each long word with a digit by itself."""
    return {secret for match in _WORD.finditer(text) for secret in _in_word(match[0])}


@lru_cache(maxsize=100_000)
def _in_word(word: str) -> frozenset[str]:
    letters = sum(map(str.isalpha, word))
    if MARK in word or letters < _LEAST_LETTERS or letters == len(word):
        return frozenset()
    found = (secret for analyze in _analyzers() for secret in analyze(word))
    return frozenset(secret for secret in found if len(secret) >= _SHORTEST)


@cache
def _analyzers() -> tuple[Callable[[str], Iterable[str]], ...]:
    modules = {name: import_module(f"detect_secrets.plugins.{name}") for name in _PLUGINS}
    return tuple(getattr(modules[name], plugin)().analyze_string for name, plugin in _PLUGINS.items())

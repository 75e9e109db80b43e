"""Looking for secrets: the patterns of detect-secrets, over a text of many lines at once.

Its detectors by entropy and by keyword are left out: evidence is full of digests, and of prose about passwords.
"""

import re
from collections.abc import Iterator

from detect_secrets.plugins.artifactory import ArtifactoryDetector
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.plugins.basic_auth import BasicAuthDetector
from detect_secrets.plugins.cloudant import CloudantDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.ibm_cloud_iam import IbmCloudIamDetector
from detect_secrets.plugins.ibm_cos_hmac import IbmCosHmacDetector
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.npm import NpmDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.private_key import PrivateKeyDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.softlayer import SoftlayerDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector

from evidence_api.domain.pii import Detector, Span

_DETECTORS: tuple[RegexBasedDetector, ...] = (
    ArtifactoryDetector(),
    AWSKeyDetector(),
    AzureStorageKeyDetector(),
    BasicAuthDetector(),
    CloudantDetector(),
    DiscordBotTokenDetector(),
    GitHubTokenDetector(),
    GitLabTokenDetector(),
    IbmCloudIamDetector(),
    IbmCosHmacDetector(),
    MailchimpDetector(),
    NpmDetector(),
    OpenAIDetector(),
    PypiTokenDetector(),
    SendGridDetector(),
    SlackDetector(),
    SoftlayerDetector(),
    SquareOAuthDetector(),
    StripeDetector(),
    TelegramBotTokenDetector(),
    TwilioKeyDetector(),
)
_JWT = JwtTokenDetector()
_BASIC_AUTH = BasicAuthDetector().secret_type  # captures the password alone
_PRIVATE_KEY = PrivateKeyDetector().secret_type
# The library names the first line of a private key. Secret is all of it, to its last line or the end of the string.
_WHOLE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:[^\x00]*?-----END [^-\n]{1,60}-----|[^\x00]*)"
)


# The library's pattern of a token may leave out its signature.
_REST_OF_TOKEN = re.compile(r"[\w.+/=-]*")


def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """(what it is called, its pattern, anchored by line)."""
    return tuple(
        (one.secret_type, re.compile(pattern.pattern, pattern.flags | re.MULTILINE))
        for one in _DETECTORS
        for pattern in one.denylist
    )


_PATTERNS = _patterns()


def find_secrets(text: str) -> Iterator[Span]:
    """Each secret in a text."""
    for name, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            yield Span(*match.span(1 if name == _BASIC_AUTH else 0), Detector.SECRET, name)
    for pattern in _JWT.denylist:
        for match in pattern.finditer(text):
            rest = _REST_OF_TOKEN.match(text, match.start())
            if rest is not None and _JWT.is_formally_valid(rest.group()):
                yield Span(*rest.span(), Detector.SECRET, _JWT.secret_type)
    if "PRIVATE KEY" in text:
        for match in _WHOLE_KEY.finditer(text):
            yield Span(*match.span(), Detector.SECRET, _PRIVATE_KEY)

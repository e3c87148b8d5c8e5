"""Words that stand for what was masked: the same word for the same thing under one key, in the shape of what it was.

They are made of consonants without digits, so that nothing reads a number, an identifier or a word into them.
"""

import hashlib
import hmac
import re

MARK = "REDACTED-"
"""Begins what stands for a secret, e.g. `REDACTED-access-key`: one word, without a character that means something."""

_LETTERS = "bcdfghjkmnpqrtvwxz"
_UPPER = "ABCDEFGHJKLMNPQRSTUVWXYZ234567"
_SHORTEST, _LONGEST = 3, 40
_HOST_LABEL, _ZONE = "host-", ".example"
"""`.example` is reserved (RFC 2606): no host has such a name."""
OWN_LABEL = re.compile(rf"{_HOST_LABEL}[{_LETTERS}]{{3,{_LONGEST}}}\Z")
OWN_HOST = re.compile(rf"(?:{_HOST_LABEL})?[{_LETTERS}]{{3,{_LONGEST}}}\.example\Z")


class Pseudonyms:
    """Makes pseudonyms under one key and knows those that it has made: they are not masked again."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.made: set[str] = set()

    def remember(self, pseudonym: str) -> str:
        """Take a word as one of these pseudonyms, and return it."""
        self.made.add(pseudonym)
        return pseudonym

    def account(self, account: str) -> str:
        """Return another account id: 12 digits, the first of which is not 0."""
        return self.remember(str(10**11 + self._number("account", account) % (9 * 10**11)))

    def host(self, name: str) -> str:
        """Return a host name of the same length, if that is from 11 to 53: `host-fgqz.example`, `bkw.example`."""
        left = len(name) - len(_ZONE)
        head = _HOST_LABEL if left - len(_HOST_LABEL) >= _SHORTEST else ""
        return head + self._letters("host", name.lower(), left - len(head)) + _ZONE

    def host_label(self, labels: str) -> str:
        """Return one label for those of a customer in a name of AWS, of the same length, if that is 8 or more."""
        return _HOST_LABEL + self._letters("host label", labels.lower(), len(labels) - len(_HOST_LABEL))

    def person(self, name: str) -> str:
        """Return a name for a user or a session, of the same length, if that is 3 or more."""
        return self.remember(self._letters("person", name, len(name)))

    def mailbox(self, name: str) -> str:
        """Return what stands before the @ of an address."""
        return self._letters("mailbox", name.lower(), len(name))

    def principal_id(self, identifier: str) -> str:
        """Return another unique id of IAM, with the prefix that tells what it is of."""
        number, body = self._number("principal id", identifier), ""
        for _ in identifier[4:]:
            number, at = divmod(number, len(_UPPER))
            body += _UPPER[at]
        return self.remember(identifier[:4] + body)

    def mac(self, address: str) -> str:
        """Return another MAC address in the same writing, marked as locally administered."""
        digits = f"{self._number('mac', re.sub('[^0-9a-f]', '', address.lower())):040x}"[:10]
        shown = iter("02" + digits)
        text = "".join(next(shown) if character.isalnum() else character for character in address)
        return self.remember(text.upper() if address.isupper() else text)

    def hexadecimal(self, digits: str) -> str:
        """Return as many other hexadecimal digits."""
        return self.remember(f"{self._number('hexadecimal', digits):064x}"[-len(digits) :].zfill(len(digits)))

    def tag(self, text: str) -> str:
        """Return eight letters that are equal where texts are."""
        return self._letters("tag", text, 8)

    def _letters(self, kind: str, text: str, length: int) -> str:
        number, letters = self._number(kind, text), ""
        for _ in range(min(max(length, _SHORTEST), _LONGEST)):
            number, at = divmod(number, len(_LETTERS))
            letters += _LETTERS[at]
        return letters

    def _number(self, kind: str, text: str) -> int:
        message = f"{kind}\0{text}".encode(errors="surrogatepass")
        return int.from_bytes(hmac.new(self._key, message, hashlib.sha256).digest())

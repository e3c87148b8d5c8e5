"""One text: secrets first, then people, then places, then what a detector still finds."""

import re
from collections import Counter
from collections.abc import Callable

from ecs_notebook_lib.redact.addresses import AddressMap
from ecs_notebook_lib.redact.detector import detected
from ecs_notebook_lib.redact.places import SAME_FORM, Places
from ecs_notebook_lib.redact.principals import Principals
from ecs_notebook_lib.redact.pseudonyms import MARK, Pseudonyms
from ecs_notebook_lib.redact.random_text import random_words
from ecs_notebook_lib.redact.secret_forms import mask_assigned, may_assign, secret_forms

_MOST_PASSES = 4
"""What was masked may let something beside it be read another way: it is looked at again until nothing is found."""


class TextRedactor:
    """Redacts texts under one key; the snapshot's own accounts, addresses and people are known to it."""

    def __init__(
        self, pseudonyms: Pseudonyms, addresses: AddressMap, known: frozenset[str], principals: Principals
    ) -> None:
        self._pseudonyms = pseudonyms
        self._places = Places(pseudonyms, addresses, known)
        self._principals = principals

    def redact(self, text: str, masked: Counter[str]) -> str:
        """Return text redacted; `masked` counts the places by kind."""
        for _ in range(_MOST_PASSES):
            found: Counter[str] = Counter()
            text = self._places.mask(self._people(self._secrets(text, found), found), found)
            masked.update(found)
            if found.keys() <= SAME_FORM:
                break
        return text

    def mark(self, kind: str, secret: str) -> str:
        """Return the mark of a secret that something may be joined by: equal for equal ones."""
        return f"{MARK}{kind}-{self._pseudonyms.tag(secret)}"

    def _secrets(self, text: str, masked: Counter[str]) -> str:
        lower = text.lower()
        for form in secret_forms():
            if any(need in lower for need in form.needs):
                text = form.mask(text, self._counting(masked, tagged=form.tagged))
        plain = self._counting(masked)
        if may_assign(lower):
            text = mask_assigned(text, plain)
        for word in random_words(text):
            text = text.replace(word, plain("secret", word))
        for word in detected(text):
            text = text.replace(word, plain("secret", word))
        return text

    def _counting(self, masked: Counter[str], *, tagged: bool = False) -> Callable[[str, str], str]:
        def mark(kind: str, secret: str) -> str:
            masked[kind] += 1
            return self.mark(kind, secret) if tagged else f"{MARK}{kind}"

        return mark

    def _people(self, text: str, masked: Counter[str]) -> str:
        if ":user/" in text or "assumed-role/" in text:
            self._principals.learn(text)
        pattern = self._principals.pattern

        def person(match: re.Match[str]) -> str:
            if match[0] in self._pseudonyms.made:
                return match[0]
            masked["principal"] += 1
            return self._pseudonyms.person(match[0])

        return pattern.sub(person, text) if pattern else text

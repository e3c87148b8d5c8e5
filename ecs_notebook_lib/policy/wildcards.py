"""IAM's wildcards: `*` is any text, `?` any one character. No regular expressions, so no pattern can take long."""


def matches(pattern: str, text: str) -> bool:
    """Say whether the whole text follows the pattern; time grows with the product of their lengths at most."""
    position, start = 0, 0
    star, resume = -1, 0
    while position < len(text):
        if start < len(pattern) and pattern[start] == "*":
            star, resume = start, position
            start += 1
        elif start < len(pattern) and pattern[start] in ("?", text[position]):
            start += 1
            position += 1
        elif star >= 0:
            resume += 1
            start, position = star + 1, resume
        else:
            return False
    return not pattern[start:].strip("*")


def arn_matches(pattern: str, text: str) -> bool:
    """Say whether an ARN follows a pattern, section by section: a wildcard does not reach over a colon.

    The sixth section, the resource, may hold colons itself (IAM user guide, "ARN condition operators").
    """
    wanted, given = pattern.split(":", 5), text.split(":", 5)
    return len(wanted) == len(given) and all(map(matches, wanted, given))

"""What the HTTP status that a health check was answered with tells of a cause."""

_NOT_FOUND, _REDIRECTS, _CREDENTIALS = ("404", "410"), ("301", "302", "303", "307", "308"), ("401", "403")
_REFUSED, _NOT_READY = ("400", "405", "421", "426"), ("502", "503", "504")
_BY_CODE = {
    **dict.fromkeys(_NOT_FOUND, "target_answers_unexpected_code"),
    **dict.fromkeys(_REDIRECTS, "target_redirects"),
    **dict.fromkeys(_CREDENTIALS, "target_demands_credentials"),
    **dict.fromkeys(_REFUSED, "target_refuses_request"),
    **dict.fromkeys(_NOT_READY, "target_not_ready"),
}
"""What each HTTP status tells of the answer to a health check (ECS_FACTS 5.2); another 5xx is the application's own."""


def kind_of_code(code: str) -> str:
    """Return the kind of finding that a rejected status of a health check comes to."""
    return _BY_CODE.get(
        code, "target_answers_server_error" if code.startswith("5") else "target_answers_unexpected_code"
    )

"""The only place of the kit that calls a write operation of AWS on the account under investigation."""

from collections.abc import Mapping
from typing import Any

from botocore import xform_name

from ecs_notebook_lib.collect import Clients
from ecs_notebook_lib.knowledge.treatments import write_operations


class Writer:
    """Calls the operations of `knowledge/write_operations.toml`, each once.

    A call whose answer is lost may have had its effect: it is not made again, it is looked at.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def call(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return AWS's answer.

        Raises
        ------
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError
            If AWS refuses, or its answer does not come.
        """
        row = write_operations()[operation]
        client = self._clients.get(row.service, once=True)
        answer: dict[str, Any] = getattr(client, xform_name(row.action))(**params)
        return answer

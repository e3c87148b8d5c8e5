"""A snapshot made fit to be handed to anyone: pseudonyms for owners, people and places, marks for secrets."""

from ecs_notebook_lib.redact.redactor import Redactor

__all__ = ["Redactor"]

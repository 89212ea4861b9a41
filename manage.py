#!/usr/bin/env python
"""Django's command line for the portal."""

import os
import select
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError

from requests_app import outages


def nobody_reads(output: int) -> bool:
    """Whether the other end of this file descriptor is closed, so that it is what broke and nothing else."""
    poll = select.poll()
    poll.register(output, 0)
    return any(events & select.POLLERR for _, events in poll.poll(0))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    if sys.argv[1:2] in (["demo"], ["dev"]):
        # At once, since to load everything takes longer than anybody waits without a word.
        print("Starting …", flush=True)
        # Before any setting is read: the demo brings keys of its own.
        os.environ.update(PORTAL_PROFILE=sys.argv[1], DJANGO_SETTINGS_MODULE="portal.settings")
    if sys.argv[1:2] == ["demo"]:
        # And it listens on this machine alone, whatever an installation beside it is called.
        os.environ["ALLOWED_HOSTS"] = ""
    if sys.argv[1:2] == ["in_demo"]:
        os.environ.update(PORTAL_PROFILE="dev", DJANGO_SETTINGS_MODULE="portal.settings")
    try:
        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except KeyboardInterrupt:
        # Whoever stops a command knows that they did: no trace of where it was, and the exit code of a shell.
        sys.exit(130)
    except DatabaseError as error:
        sentence = outages.sentence_of(error)
        if not sentence:
            raise
        sys.exit(f"manage.py: {sentence}")
    except ImproperlyConfigured as error:
        # Its sentence says what to set; where it was raised helps nobody.
        sys.exit(f"manage.py: {error}")
    except BrokenPipeError:
        if not nobody_reads(sys.stdout.fileno()):
            raise
        # Whoever read the output has seen enough, as `head` has. Nothing more is written, at the end neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)

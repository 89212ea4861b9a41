#!/usr/bin/env python
"""Django's command line for the portal."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    if sys.argv[1:2] in (["demo"], ["dev"]):
        # At once, since to load everything takes longer than anybody waits without a word.
        print("Starting …", flush=True)
        # Before any setting is read: the demo brings keys of its own.
        os.environ.update(PORTAL_PROFILE=sys.argv[1], DJANGO_SETTINGS_MODULE="portal.settings")
    if sys.argv[1:2] == ["in_demo"]:
        os.environ.update(PORTAL_PROFILE="dev", DJANGO_SETTINGS_MODULE="portal.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # Its sentence says what to set; where it was raised helps nobody.
        sys.exit(f"manage.py: {error}")

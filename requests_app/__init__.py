"""Data-subject requests on Stream: the domain. Never imports `portal`."""

"""The client for Stream's API on `requests`. Imports no Django and nothing of ours but its own files."""

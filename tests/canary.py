"""Words that must never turn up in a log, a job or a page of somebody who may not see them."""

from __future__ import annotations

SECRET = "CANARY-secret-9f31c7a2d84e4b50b1c6e0f7a3d25981"
API_KEY = "canarykey71"
NAME = "Quintessa Quillfeather"
EMAIL = "quintessa@quillfeather.example"
USER_ID = "canary-quillfeather-7"
# None of these ever belongs into a log line or a job.
EVERYWHERE = (SECRET, API_KEY, NAME, EMAIL, USER_ID, "Quillfeather", "quillfeather")

"""Where uploads wait while a request is read: in a file without a name, bounded.

Django's own handler names its temporary files, and a process that is killed leaves them behind in clear text.
"""

from __future__ import annotations

import tempfile
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler


class NamelessUploadHandler(FileUploadHandler):
    """Keeps an upload in a nameless file. What goes beyond the bound is counted, not kept: its size then tells."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """A file begins."""
        super().new_file(*args, **kwargs)
        self.bound = settings.ATTACHMENT_MEGABYTES * 1_000_000
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 the request closes it

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """A piece of it, from the byte `start` on."""
        if start <= self.bound:
            self.file.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile[Any]:
        """All of it came, `file_size` bytes."""
        self.file.seek(0)
        return UploadedFile(
            file=self.file,
            name=self.file_name,
            content_type=self.content_type,
            size=file_size,
            charset=self.charset,
            content_type_extra=self.content_type_extra,
        )

    def upload_interrupted(self) -> None:
        """The browser went away in the middle."""
        if hasattr(self, "file"):
            self.file.close()

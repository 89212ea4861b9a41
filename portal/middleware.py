"""A name for each request, and the headers that every answer carries."""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Callable
from contextlib import suppress

from django.core.signals import request_finished
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from portal.logs import request_id

_FIT = re.compile(r"[A-Za-z0-9-]{8,64}")
PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
Handler = Callable[[HttpRequest], HttpResponse]


class RequestIdMiddleware:
    """Takes the request's id from a proxy, where it is fit, or makes one; logs and answers carry it.

    It is kept until the answer is sent: Django writes its line about a 4xx after all middleware, and the body of a
    download is made while it goes out.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        name = given if _FIT.fullmatch(given) else uuid.uuid4().hex
        request_id.set(name)
        response = self.get_response(request)
        response["X-Request-ID"] = name
        return response


def forget_request_id(**_: object) -> None:
    """What this thread does between two requests belongs to neither."""
    request_id.set("")


request_finished.connect(forget_request_id)


class ClientAddressMiddleware:
    """Behind a trusted proxy the address is the last one of X-Forwarded-For: the one the proxy itself wrote."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        written = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        with suppress(ValueError):
            request.META["REMOTE_ADDR"] = str(ipaddress.ip_address(written))
        return self.get_response(request)


class ResponseHeadersMiddleware:
    """Nothing is cached, fragments are told apart from pages, and browser features stay off."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response["Cache-Control"] = "no-store"
        response["Permissions-Policy"] = PERMISSIONS
        response["Cross-Origin-Resource-Policy"] = "same-origin"
        patch_vary_headers(response, ["HX-Request"])
        return response

"""The script that draws figures to explore: asked for only when someone explores one.

``vl-convert`` carries Vega, Vega-Lite and Vega-Embed, and writes them as one script; it takes some
seconds once, then the script lies in the portal's folder.
"""

from __future__ import annotations

import gzip
import logging
import os
import tempfile
import threading
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from rarecare.figures.figure import VEGA_LITE
from rarecare.portal.kept import only_read

log = logging.getLogger("rarecare.portal")
_lock = threading.Lock()
_DAY = 86_400


@only_read
def script(request: HttpRequest) -> HttpResponse:
    """Give the script, compressed where the visitor can read that."""
    body = packed()
    tag = f'"{sha256(body).hexdigest()[:24]}"'
    if tag in request.headers.get("if-none-match", ""):
        response = HttpResponse(status=304)
    elif "gzip" in request.headers.get("accept-encoding", ""):
        response = HttpResponse(body, content_type="text/javascript; charset=utf-8")
        response.headers["Content-Encoding"] = "gzip"
    else:
        plain = gzip.decompress(body)
        response = HttpResponse(plain, content_type="text/javascript; charset=utf-8")
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = f"public, max-age={_DAY}"
    response.headers["Vary"] = "Accept-Encoding"
    return response


def packed() -> bytes:
    """Return the script, compressed; made once by each version of what makes it."""
    name = f"vega-{VEGA_LITE}-{version('vl-convert-python')}.js.gz"
    path = Path(settings.DATA) / "scripts" / name
    with _lock:
        if path.is_file():
            return path.read_bytes()
        import vl_convert  # noqa: PLC0415 - 60 MB, only for drawing

        bundle = vl_convert.javascript_bundle(None, vl_version=VEGA_LITE)  # type: ignore[arg-type]
        made = gzip.compress(bundle.encode(), 9, mtime=0)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, beside = tempfile.mkstemp(dir=path.parent)
            with os.fdopen(descriptor, "wb") as file:
                file.write(made)
            Path(beside).replace(path)
        except OSError as error:
            log.warning("the script of figures cannot be kept: %s", error)
        return made

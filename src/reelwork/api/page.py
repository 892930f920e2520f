"""The web page: one document and its assets, served from the package."""

from importlib.resources import files

from fastapi import APIRouter
from starlette.responses import Response

ASSETS = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "elements.js": "text/javascript; charset=utf-8",
    "keys.js": "text/javascript; charset=utf-8",
    "findings.js": "text/javascript; charset=utf-8",
    "results.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
"""The files below ``/assets/``, and their media types."""

# The video plays from this service, or from a blob of the person's own file; everything else comes from here alone.
_CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
_HEADERS = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def page_routes() -> APIRouter:
    """Return the routes of the page; its files are read once, now."""
    router = APIRouter(include_in_schema=False)
    _add_file(router, "/", "index.html", "text/html; charset=utf-8")
    for name, media_type in ASSETS.items():
        _add_file(router, f"/assets/{name}", name, media_type)
    return router


def _add_file(router: APIRouter, path: str, name: str, media_type: str) -> None:
    content = files("reelwork.api").joinpath("static", name).read_bytes()

    async def serve() -> Response:
        return Response(content, headers=_HEADERS, media_type=media_type)

    router.add_api_route(path, serve, methods=["GET", "HEAD"])

"""The gateway: HTTP API, uploads, Server-Sent Events."""

"""W&B servers that are of no use, on this machine."""

import socket

import pytest


@pytest.fixture
def silent_server():
    """The address of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"

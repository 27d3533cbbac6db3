"""Whether a W&B server can be had: found out in a few seconds, once a process."""

from collections.abc import Callable
from concurrent.futures import Future
from socket import create_connection
from threading import Thread
from typing import TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from wandb.sdk.wandb_setup import singleton

Result = TypeVar("Result")

_PORTS = {"http": 80, "https": 443}


def server_address() -> str:
    """The W&B server that this machine's settings name."""
    return str(singleton().settings.base_url)


def check_server(patience: float) -> None:
    """Somebody answers at the server's address; nothing is sent. A proxy is left to W&B, which knows how to ask it.

    Args:
        patience: seconds.

    Raises:
        OSError: nobody answers.
    """
    address = urlsplit(server_address())
    host, port = address.hostname or "", address.port or _PORTS.get(address.scheme, 443)
    if _has_proxy(address.scheme, host):
        return
    try:
        within(patience, lambda: create_connection((host, port), patience).close())
    except TimeoutError as error:
        raise OSError(f"no answer from {host} within {patience:g} seconds") from error
    except OSError as error:
        raise OSError(f"no answer from {host}: {error.strerror or error}") from error


def _has_proxy(scheme: str, host: str) -> bool:
    settings = singleton().settings
    own = settings.http_proxy if scheme == "http" else settings.https_proxy
    found = getproxies()
    return bool(own or ((scheme in found or "all" in found) and not proxy_bypass(host)))


def within(seconds: float, work: Callable[[], Result]) -> Result:
    """What the work gives; names are looked up, and W&B's own requests repeated, with no end that could be set.

    Args:
        seconds: for which to wait; work that takes longer is left to itself.
        work: what may take long.

    Raises:
        TimeoutError: it takes longer.
    """
    result: Future[Result] = Future()

    def carry_out() -> None:
        try:
            result.set_result(work())
        except Exception as error:
            result.set_exception(error)

    Thread(target=carry_out, daemon=True).start()  # a pool's thread would be waited for at the end of the process
    return result.result(seconds)

"""ape as this suite uses it: on a devnet of its own, without what takes longer than the transaction itself.

- By default ape takes whatever devnet listens on port 8545, even another run's: here it always starts one.
- For every revert, also for one that a test expects, ape traces the transaction three times: to print it, to
  find the line, and to name a custom error. `reverts` compares the message, which is there without any.
- Before each call ape asks whether there is code at the address, and reads all settings anew to learn which
  type of transaction is wanted.
- Around each transaction ape asks for the base fee and the block's limit, for the sender's nonce until it has
  grown, whether there is code at the receiver, and for a trace that Foundry's console may have written into.
- An estimate of gas is made on the latest block: at the time of the next one, which tests set, a call may
  cost more or not revert. Transactions take the block's limit instead.
- web3 speaks to the devnet through requests, which takes longer over a request than the devnet does. One open
  connection of the standard library's does it here.
- For the whole process, ape makes eth-abi take a short answer for a number. Daemons don't import ape, so here
  numbers are read as they read them.
"""

import http.client
import os
from urllib.parse import urlsplit

import pytest

_SECONDS = 60
_BLOCK_GAS = 30_000_000  # anvil's limit
_BASE_FEE = 10**10  # wei; anvil's is a tenth of it at genesis, and falls


class Line:
    """One open connection to a devnet, opened anew when the devnet closed it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_SECONDS)

    def post(self, body: bytes) -> bytes:
        """The devnet's answer to a request."""
        try:
            return self._ask(body)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            return self._ask(body)

    def _ask(self, body: bytes) -> bytes:
        try:
            self._connection.request("POST", "/", body, {"Content-Type": "application/json"})
            return self._connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise


def pytest_configure(config: pytest.Config) -> None:
    """Takes all of it away, where ape takes part at all."""
    if not config.pluginmanager.has_plugin("ape_test"):
        return
    os.environ.setdefault("APE_FOUNDRY_HOST", "auto")
    config.option.disable_isolation = True  # see `isolation`

    import ape.exceptions
    import ape_ethereum.provider
    from ape.api.networks import NetworkAPI
    from ape.api.transactions import ReceiptAPI
    from ape.contracts.base import ContractMethodHandler
    from ape.managers.compilers import CompilerManager
    from ape_ethereum.ecosystem import Ethereum
    from ape_ethereum.provider import Web3Provider
    from ape_ethereum.trace import Trace
    from ape_ethereum.transactions import TransactionType
    from eth_abi.decoding import UnsignedIntegerDecoder
    from eth_abi.encoding import UnsignedIntegerEncoder
    from eth_abi.registry import BaseEquals, registry
    from web3.providers.rpc import HTTPProvider

    lines: dict[str, Line] = {}

    def make_request(provider: HTTPProvider, _method: str, body: bytes) -> bytes:
        url = str(provider.endpoint_uri)
        if url not in lines:
            lines[url] = Line(url)
        return lines[url].post(body)

    Trace.show = lambda *_args, **_options: None  # type: ignore[method-assign]
    ape.exceptions._get_ape_traceback_from_tx = lambda _transaction: None  # type: ignore[assignment]
    CompilerManager.enrich_error = lambda _self, error: error  # type: ignore[assignment,method-assign]
    ContractMethodHandler._validate_is_contract = lambda _self: None  # type: ignore[method-assign]
    Ethereum.default_transaction_type = TransactionType.DYNAMIC  # type: ignore[method-assign,assignment]
    ReceiptAPI._await_sender_nonce_increment = lambda _self: None  # type: ignore[method-assign]
    NetworkAPI.gas_limit = _BLOCK_GAS  # type: ignore[method-assign,assignment]
    Web3Provider.base_fee = _BASE_FEE  # type: ignore[method-assign,assignment]
    ape_ethereum.provider._post_send_transaction = lambda _transaction, _receipt: None  # type: ignore[assignment]
    HTTPProvider._make_request = make_request  # type: ignore[method-assign,assignment]
    registry.unregister("uint")
    uint = BaseEquals("uint")
    registry.register(uint, UnsignedIntegerEncoder, UnsignedIntegerDecoder, label="uint")

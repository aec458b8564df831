"""A local chain for tests and the demo: anvil on a free loopback port, with its finality set and said.

anvil's npm package is a node shim in front of the real program: to kill the shim orphans that. So the
program itself is started here, and ended by its process id.
"""

import json
import subprocess
import threading
import urllib.request
from pathlib import Path
from typing import IO, Any, Self

from eth_account import Account
from eth_account.signers.local import LocalAccount

MNEMONIC = "test test test test test test test test test test test junk"
"""The key phrase that everybody's devnets share: worthless elsewhere."""

_NODE_MODULES = Path(__file__).parents[2] / "tests" / "node_modules"


class DevnetError(Exception):
    """The devnet did not start, or refused a request; `answer` is then its JSON-RPC error."""

    def __init__(self, message: str, answer: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.answer = answer


class Devnet:
    """A running anvil. Blocks are final once `2 × slots_in_an_epoch` newer ones exist."""

    def __init__(
        self, process: "subprocess.Popen[str]", rpc_url: str, chain_id: int, finality_lag: int
    ) -> None:
        self._process = process
        self.rpc_url = rpc_url
        self.chain_id = chain_id
        self.finality_lag = finality_lag

    @classmethod
    def start(
        cls,
        folder: Path,
        *,
        block_time: float | None = None,
        manual: bool = False,
        slots_in_an_epoch: int = 1,
        chain_id: int = 31337,
        accounts: int = 20,
        port: int = 0,
        timestamp: int | None = None,
        steps: bool = False,
    ) -> Self:
        """Start anvil, its log in `folder`, and return once it answers; raises `DevnetError` if it ends
        first.

        Blocks come every `block_time` seconds, or with each transaction, or (`manual`) only by `mine`.
        `timestamp` is genesis's, in seconds. With `steps` anvil remembers each transaction opcode by opcode,
        for `debug_traceTransaction`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        command = [str(anvil_binary()), "--port", str(port), "--chain-id", str(chain_id)]
        command += ["--slots-in-an-epoch", str(slots_in_an_epoch), "--accounts", str(accounts)]
        command += ["--mnemonic", MNEMONIC]
        command += ["--block-time", str(block_time)] if block_time is not None else []
        command += ["--no-mining"] if manual else []
        command += ["--timestamp", str(timestamp)] if timestamp is not None else []
        command += ["--steps-tracing"] if steps else []
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        log = folder / "anvil.log"
        try:
            address = _listening(process, log)
        except BaseException:
            process.kill()
            process.wait()
            raise
        if address is None:
            process.wait()
            raise DevnetError(f"anvil ended with {process.returncode}; see {log}")
        return cls(process, f"http://{address}", chain_id, 2 * slots_in_an_epoch)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __str__(self) -> str:
        return (
            f"devnet {self.chain_id} at {self.rpc_url}, process {self.pid}: "
            f"a block is final {self.finality_lag} blocks later"
        )

    @property
    def pid(self) -> int:
        """The process id of anvil itself."""
        return self._process.pid

    def stop(self) -> None:
        """End anvil and wait until it is gone; once more does nothing."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def request(self, method: str, *params: Any) -> Any:
        """The result of a JSON-RPC request; raises `DevnetError`."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.rpc_url, body, headers)  # noqa: S310 (our own loopback URL)
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            answer = json.load(response)
        if "error" in answer:
            raise DevnetError(f"{method}: {answer['error']['message']}", answer["error"])
        return answer["result"]

    def mine(self, blocks: int = 1) -> None:
        """Make blocks now."""
        self.request("anvil_mine", hex(blocks))

    def finalize(self) -> None:
        """Make as many blocks as it takes for the newest to be final."""
        self.mine(self.finality_lag)

    def warp(self, seconds: int) -> None:
        """Move the chain's clock forward, and make a block that shows it."""
        self.request("evm_increaseTime", hex(seconds))
        self.mine()

    def reorg(self, depth: int) -> None:
        """Replace the newest `depth` blocks by as many empty ones; their transactions are gone, also from
        the pool.
        """
        self.request("anvil_reorg", depth, [])

    def block_number(self, tag: str = "latest") -> int:
        """The number of the `latest`, `safe` or `finalized` block."""
        return int(self.request("eth_getBlockByNumber", tag, False)["number"], 16)

    def block_time(self, tag: str = "latest") -> int:
        """The time of such a block, in seconds."""
        return int(self.request("eth_getBlockByNumber", tag, False)["timestamp"], 16)

    def account(self, index: int) -> LocalAccount:
        """The key of one of the accounts that are rich at genesis."""
        Account.enable_unaudited_hdwallet_features()
        account: LocalAccount = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
        return account


def anvil_binary() -> Path:
    """The platform's anvil among the npm packages under `tests/`; raises `DevnetError` where it is not
    installed.
    """
    found = sorted(_NODE_MODULES.glob("@foundry-rs/anvil-*/bin/anvil"))
    if not found:
        raise DevnetError("anvil is not installed; run scripts/setup")
    return found[0]


def _listening(process: "subprocess.Popen[str]", log: Path) -> str | None:
    """Copy anvil's output to its log, and return the address it says it listens on; None if it ended before
    that.
    """
    said = threading.Event()
    address: list[str] = []

    def copy(output: IO[str]) -> None:
        with log.open("a", encoding="utf-8") as file:
            for line in output:
                file.write(line)
                if line.startswith("Listening on "):
                    address.append(line.split()[-1])
                    said.set()
                    file.flush()
        said.set()

    if process.stdout is None:
        raise DevnetError("anvil's output is not connected")
    threading.Thread(target=copy, args=(process.stdout,), daemon=True).start()
    said.wait()
    return address[0] if address else None

"""What can go wrong between a daemon and its chain, each with a name.

`ChainDoubt` and its kin are worth waiting for: the next attempt may succeed. `ChainStop` and its kin are
not: going on would mean acting on a chain that is not the one the daemon was set up for, so the daemon
stops and a person looks.
"""


class ChainError(Exception):
    """Anything the chain room raises on purpose."""


class ChainDoubt(ChainError):
    """The chain cannot be read for certain right now; wait and ask again."""


class ChainStop(ChainError):
    """The chain is not what it must be; stop until a person has looked."""


class ChainUnavailable(ChainDoubt):
    """An endpoint did not answer, or not with what JSON-RPC and the method say."""

    def __init__(self, endpoint: str, reason: str) -> None:
        super().__init__(
            f"RPC endpoint {endpoint} is unavailable: {reason}; check WESTWORLD_RPC_URLS and the node"
        )
        self.endpoint = endpoint
        self.reason = reason


class AnswerTooBig(ChainDoubt):
    """An endpoint cannot answer a question in one piece: too many results, too many bytes, too much time."""

    def __init__(self, endpoint: str, method: str, reason: str) -> None:
        super().__init__(f"{method} at {endpoint} asks for too much at once: {reason}")
        self.endpoint = endpoint
        self.reason = reason


class EndpointsDisagree(ChainDoubt):
    """Two endpoints gave different answers to one question, so neither is believed."""

    def __init__(self, question: str, answers: dict[str, str]) -> None:
        told = "; ".join(f"{endpoint} says {answer}" for endpoint, answer in answers.items())
        super().__init__(f"RPC endpoints disagree on {question}: {told}")
        self.question = question
        self.answers = answers


class ChainBehind(ChainDoubt):
    """The endpoint knows fewer finalized blocks than were already processed."""

    def __init__(self, processed: int, finalized: int) -> None:
        super().__init__(
            f"the chain is behind: block {processed} was processed, only {finalized} is finalized"
        )
        self.processed = processed
        self.finalized = finalized


class BlockUnknown(ChainDoubt):
    """A block asked for by number or hash is not on the canonical chain (any more, or yet)."""

    def __init__(self, block: str) -> None:
        super().__init__(f"block {block} is not on the endpoint's canonical chain")
        self.block = block


class WrongChain(ChainStop):
    """An endpoint serves another chain than the deployment names."""

    def __init__(self, endpoint: str, expected: int, found: int) -> None:
        super().__init__(
            f"RPC endpoint {endpoint} serves chain id {found}, the deployment is on {expected}; "
            "check WESTWORLD_RPC_URLS and WESTWORLD_DEPLOYMENT"
        )
        self.endpoint = endpoint
        self.expected = expected
        self.found = found


class UnknownContractVersion(ChainStop):
    """A deployed contract speaks a version this program was not written for."""

    def __init__(self, contract: str, found: str, known: frozenset[str]) -> None:
        super().__init__(
            f"{contract} reports API version {found or 'none'}, this program knows "
            f"{', '.join(sorted(known))}; "
            "install the release that matches the deployment"
        )
        self.contract = contract
        self.found = found
        self.known = known


class ReorgBelowFinality(ChainStop):
    """A block that had been reported final was replaced by another one."""

    def __init__(self, number: int, expected: bytes, found: bytes) -> None:
        super().__init__(
            f"block {number} was final as 0x{expected.hex()} and is now 0x{found.hex()}; "
            "stopped, since effects of the replaced block have been acted upon"
        )
        self.number = number
        self.expected = expected
        self.found = found


class RpcError(ChainDoubt):
    """A JSON-RPC error that none of the other names fits (JSON-RPC 2.0, section 5.1)."""

    def __init__(self, endpoint: str, method: str, code: int, message: str, data: object = None) -> None:
        super().__init__(f"{method} at {endpoint} failed with {code}: {message}")
        self.endpoint = endpoint
        self.method = method
        self.code = code
        self.message = message
        self.data = data


class CallReverted(ChainError):
    """A contract refused a call; `data` is what it returned, `reason` the text in it, if any."""

    def __init__(self, reason: str, data: bytes = b"") -> None:
        super().__init__(f"call reverted: {reason}")
        self.reason = reason
        self.data = data


class DeploymentFault(ChainError):
    """The deployment file cannot be used."""

"""What a revert's returned bytes say: `Error(string)`, `Panic(uint256)`, or a custom error's selector."""

from eth_abi.exceptions import DecodingError

from oracles.chain.codec import decode

_ERROR = bytes.fromhex("08c379a0")
_PANIC = bytes.fromhex("4e487b71")


def revert_reason(data: bytes) -> str:
    """A readable reason; empty if nothing was returned (Solidity ABI, "Panic via assert and Error via
    require").
    """
    if not data:
        return ""
    try:
        if data[:4] == _ERROR:
            return str(decode(["string"], data[4:])[0])
        if data[:4] == _PANIC:
            return f"panic 0x{decode(['uint256'], data[4:])[0]:02x}"
    except DecodingError:
        pass
    return f"custom error 0x{data[:4].hex()}"

"""What has to be called on the Charter to get from one policy to another: deployments and proposals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from oracles.charter.policy import Policy

_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "allow_metric": ("string", "string"),
    "forbid_metric": ("string",),
    "remove_metric": ("string",),
    "set_violation": ("string", "uint8", "uint8"),
    "remove_violation": ("string",),
    "adopt_article": ("uint256", "string"),
    "repeal_article": ("uint256",),
    "set_terms": ("string",),
    "expect_draft": ("bytes32",),
    "enact": ("bytes32", "bytes32"),
}


@dataclass(frozen=True)
class CharterCall:
    """One call of the Charter, by the function's name and its arguments."""

    function: str
    args: tuple[Any, ...]

    @property
    def data(self) -> bytes:
        """The call data: selector and ABI-encoded arguments."""
        types = _ARGUMENTS[self.function]
        return keccak(text=f"{self.function}({','.join(types)})")[:4] + encode(types, self.args)


@dataclass(frozen=True)
class Amendment:
    """All calls of an amendment, the last of which enacts it: the content of a proposal."""

    calls: tuple[CharterCall, ...]
    version: int
    draft: bytes
    """The draft's digest: the enactment reverts if anything else got into the draft."""
    policy_hash: bytes

    def parts(self, most: int) -> list[tuple[CharterCall, ...]]:
        """The calls in parts of `most` calls or fewer, for as many proposals.

        Where there are several, each begins by expecting the draft that the one before leaves: anybody may
        execute a proposal that has passed, and none takes effect out of turn. Raises `ValueError` below 2.
        """
        if len(self.calls) <= most:
            return [self.calls]
        if most < 2:
            raise ValueError("a part has an expectation and a change: 2 calls at least")
        size = most - 1
        return [
            (
                CharterCall("expect_draft", (draft_digest(self.version, self.calls[:start]),)),
                *self.calls[start : start + size],
            )
            for start in range(0, len(self.calls), size)
        ]


def changes(old: Policy, new: Policy) -> list[CharterCall]:
    """The calls that turn `old` into `new`, in a fixed order; none where the two are equal."""
    calls: list[CharterCall] = []
    if new.terms() != old.terms():
        calls.append(CharterCall("set_terms", (new.terms().decode(),)))
    for number in sorted(old.articles.keys() - new.articles.keys()):
        calls.append(CharterCall("repeal_article", (number,)))
    for number, text in sorted(new.articles.items()):
        if old.articles.get(number) != text:
            calls.append(CharterCall("adopt_article", (number, text)))
    listed = (old.metrics.keys() | old.forbidden) - (new.metrics.keys() | new.forbidden)
    calls += [CharterCall("remove_metric", (name,)) for name in sorted(listed)]
    calls += [CharterCall("forbid_metric", (name,)) for name in sorted(new.forbidden - old.forbidden)]
    for name, rule in sorted(new.metrics.items()):
        if old.metrics.get(name) != rule:
            calls.append(CharterCall("allow_metric", (name, rule.on_chain().decode())))
    for kind in sorted(old.violations.keys() - new.violations.keys()):
        calls.append(CharterCall("remove_violation", (kind.value,)))
    for kind, found in sorted(new.violations.items()):
        if old.violations.get(kind) != found:
            calls.append(CharterCall("set_violation", (kind.value, found.severity.code, found.penalty.code)))
    return calls


def draft_digest(version: int, calls: Sequence[CharterCall]) -> bytes:
    """The digest that the Charter will have for a draft of `version` after `calls`."""
    digest = version.to_bytes(32, "big")
    for call in calls:
        digest = keccak(digest + keccak(call.data))
    return digest


def amendment(old: Policy, new: Policy, version: int) -> Amendment:
    """Everything to call so that `new` follows `old` as `version` of the Charter.

    Raises `ValueError` where the two are equal: the Charter enacts no empty draft.
    """
    calls = changes(old, new)
    if not calls:
        raise ValueError("the policies are equal, there is nothing to enact")
    draft = draft_digest(version, calls)
    return Amendment((*calls, CharterCall("enact", (draft, new.hash))), version, draft, new.hash)

"""The places in the kernel where the programs sit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

_SKB, _SOCKET, _ADDRESS = 8, 9, 18  # enum bpf_prog_type: CGROUP_SKB, CGROUP_SOCK, CGROUP_SOCK_ADDR


class Scope(StrEnum):
    """A way out of the telemetry cgroup that the kernel closes or checks."""

    DATAGRAM = "datagram"  # every UDP datagram is parsed and decided
    DESTINATION = "destination"  # connect and sendto reach allowed servers only
    SOCKET = "socket"  # TCP, raw and all other Internet sockets are refused
    UNIX = "unix"  # connect and sendto over AF_UNIX are refused (kernels since 6.7)


@dataclass(frozen=True, slots=True)
class Hook:
    """A program, its type and where it is attached (enum bpf_attach_type)."""

    program: str
    kind: int
    attach: int
    scope: Scope
    #: Without an optional hook the agent enforces less, and says so.
    optional: bool = False


HOOKS = (
    Hook("on_egress", _SKB, 1, Scope.DATAGRAM),
    Hook("on_sock_create", _SOCKET, 2, Scope.SOCKET),
    Hook("on_connect4", _ADDRESS, 10, Scope.DESTINATION),
    Hook("on_connect6", _ADDRESS, 11, Scope.DESTINATION),
    Hook("on_sendmsg4", _ADDRESS, 14, Scope.DESTINATION),
    Hook("on_sendmsg6", _ADDRESS, 15, Scope.DESTINATION),
    Hook("on_unix_connect", _ADDRESS, 49, Scope.UNIX, optional=True),
    Hook("on_unix_sendmsg", _ADDRESS, 50, Scope.UNIX, optional=True),
)

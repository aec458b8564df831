"""The limiter in user space: what it forwards, what it counts, and that it never claims to enforce."""

from __future__ import annotations

import socket
from decimal import Decimal

import anyio
import pytest

from agent.kernel.reasons import Reason
from agent.kernel.rules import Destination
from agent.limiter import Limiter, LimiterUnavailable
from agent.status import Condition, State
from oracles.charter.policy import MetricRule, Policy
from oracles.charter.vocabulary import MetricType

pytestmark = pytest.mark.anyio

SECOND = 1_000_000_000
POLICY = Policy(
    version="1",
    metrics={
        "cpu": MetricRule(maximum=Decimal(100), decimals=2, rate_hz=Decimal(1), burst=2),
        "hits": MetricRule(type=MetricType.COUNTER),
    },
    forbidden=frozenset({"user_location"}),
)


class Clock:
    now = SECOND

    def __call__(self) -> int:
        return self.now


def limiter(clock: Clock | None = None) -> Limiter:
    made = Limiter(Destination.parse("127.0.0.1:9"), clock or Clock())
    made.apply(POLICY, 1)
    return made


@pytest.mark.parametrize("datagram", [b"cpu:1|g", b"cpu:99.99|g\n", b"cpu:1|g\nhits:5|c"])
async def test_what_the_charter_allows_passes(datagram: bytes) -> None:
    assert limiter().judge(datagram) is None


@pytest.mark.parametrize(
    ("datagram", "reason", "name"),
    [
        (b"user_location:1|g", Reason.FORBIDDEN, b"user_location"),
        (b"other:1|g", Reason.UNKNOWN_NAME, b"other"),
        (b"cpu:101|g", Reason.RANGE, b"cpu"),
        (b"cpu:1.234|g", Reason.PRECISION, b"cpu"),
        (b"cpu:1|c", Reason.TYPE, b"cpu"),
        (b"cpu:1|g|#user:alice", Reason.TAGS, b"cpu"),
        (b"cpu:one|g", Reason.VALUE_SYNTAX, b"cpu"),
        (b"cpu:1|g\nuser_location:1|g", Reason.FORBIDDEN, b"user_location"),
        (b"cpu:1|g\n\nhits:1|c", Reason.EMPTY, b""),
        (b"", Reason.EMPTY, b""),
        (b"cpu:\x001|g", Reason.NUL, b""),
        (b":cpu:1|g", Reason.NAME_SYNTAX, b""),
        (b"c pu:1|g", Reason.NAME_SYNTAX, b""),
        (b"cpu", Reason.NAME_SYNTAX, b""),
        (b"c" * 65 + b":1|g", Reason.NAME_TOO_LONG, b""),
        (b"cpu:1|g:2|c", Reason.VALUE_SYNTAX, b"cpu"),
        (b"hits:1|c\n" * 17, Reason.TOO_MANY_LINES, b""),
        (b"x" * 2000, Reason.OVERSIZED, b""),
    ],
)
async def test_everything_else_is_refused_with_its_reason(
    datagram: bytes, reason: Reason, name: bytes
) -> None:
    assert limiter().judge(datagram) == (reason, name)


async def test_rates_silence_and_the_time_before_a_policy() -> None:
    clock = Clock()
    made = limiter(clock)
    assert [made.judge(b"cpu:1|g") for _ in range(3)] == [None, None, (Reason.RATE, b"cpu")]
    clock.now += SECOND
    assert made.judge(b"cpu:1|g") is None
    made.limit(10)
    assert [made.judge(b"cpu:1|g") for _ in range(2)] == [None, None]
    clock.now += SECOND
    assert made.judge(b"cpu:1|g") == (Reason.RATE, b"cpu")
    made.suspend(True)
    assert made.judge(b"cpu:1|g") == (Reason.SUSPENDED, b"")
    assert Limiter(Destination.parse("127.0.0.1:9")).judge(b"cpu:1|g") == (Reason.NO_POLICY, b"")


@pytest.mark.feature("C10.3")
async def test_the_relay_forwards_what_is_allowed_and_tells_the_rest() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        relay = await Limiter.start("127.0.0.1:0", Destination.parse(f"127.0.0.1:{server.getsockname()[1]}"))
        relay.apply(POLICY, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            for datagram in (b"user_location:1|g", b"user_location:2|g", b"cpu:7|g"):
                client.sendto(datagram, relay.address)
        assert await anyio.to_thread.run_sync(server.recv, 2000) == b"cpu:7|g"
        async for batch in relay.events():
            assert [(drop.reason, drop.name, drop.count) for drop in batch] == [
                (Reason.FORBIDDEN, b"user_location", 2)
            ]
            break
        assert relay.attached()
        with pytest.raises(LimiterUnavailable, match="WESTWORLD_RELAY"):
            await Limiter.start(f"127.0.0.1:{relay.address[1]}", Destination.parse("127.0.0.1:9"))
        relay.close()
        assert not relay.attached()


@pytest.mark.feature("C10.3")
async def test_with_the_relay_alone_an_agent_is_degraded_and_says_why() -> None:
    condition = Condition()
    condition.trouble("kernel", "the kernel cannot enforce the charter here: no eBPF")
    condition.checked(limiter().self_check())
    assert condition.state is State.DEGRADED
    assert condition.scopes == ()
    assert condition.missing == (
        "the kernel cannot enforce the charter here: no eBPF",
        "user-space limiting only: a process that sends past the relay is not stopped",
    )
    condition.trouble("kernel", None)
    assert condition.state is State.DEGRADED

"""100,000 random and mutated datagrams: the kernel and a plain Python model decide each alike."""

from __future__ import annotations

import random

import pytest

from agent.kernel import bpf, loading
from agent.kernel.enforcement import Enforcement
from agent.kernel.reasons import Reason
from agent.kernel.rules import KernelRule, MetricType, Verdict

from .conftest import Server
from .model import TYPES, Model
from .packets import datagram

pytestmark = [pytest.mark.kernel, pytest.mark.feature("C10.1")]

DATAGRAMS = 100_000
LETTERS = {kind: letters for letters, kind in TYPES.items()}
ALPHABET = b"abc_.:|#@+-0123456789\n\0\r \x7f\x80\xffgmcs"


def random_rules(source: random.Random) -> list[KernelRule]:
    """Names of all lengths, some a prefix of another; never rate-limited, since time is not compared here."""
    rules = {}
    for length in list(range(1, 65)) * 2:
        name = bytes(source.choice(b"abcxyz_") for _ in range(length))
        decimals = source.randrange(10)
        low, high = sorted(source.randrange(-(10 ** source.randrange(1, 18)), 10**17) for _ in range(2))
        kind = source.choice(list(MetricType))
        rules[name] = KernelRule(name, kind, low, high, decimals, 0)
    for name in source.sample(sorted(rules), 20):
        rules[name] = KernelRule.forbidding(name)
    return list(rules.values())


def random_line(source: random.Random, rules: list[KernelRule]) -> bytes:
    """Mostly well formed, and close to the rule's bounds."""
    rule = source.choice(rules)
    scaled = source.choice([rule.minimum, rule.maximum, source.randrange(-(10**6), 10**6)]) + source.choice(
        [-1, 0, 1]
    )
    digits = str(abs(scaled)).rjust(rule.decimals + 1, "0")
    whole, fraction = digits[: len(digits) - rule.decimals], digits[len(digits) - rule.decimals :]
    fraction = source.choice([fraction, fraction.rstrip("0"), fraction + "0"])
    value = ("-" if scaled < 0 else "") + whole + ("." + fraction if fraction else "")
    kind = rule.type if source.random() < 0.95 else source.choice(list(MetricType))
    suffix = source.choice([b"|#room:4", b"|@0.5", b"|#"]) if source.random() < 0.03 else b""
    return rule.name + b":" + value.encode() + b"|" + LETTERS[kind] + suffix


def good_line(source: random.Random, rules: list[KernelRule]) -> bytes:
    """A short line that is let out, so that whole datagrams of them reach the bounds on lines and bytes."""
    rule = source.choice(
        [rule for rule in rules if rule.verdict is Verdict.ALLOWED and rule.minimum <= 0 <= rule.maximum]
    )
    return rule.name + b":0|" + LETTERS[rule.type]


def mutated(source: random.Random, payload: bytes) -> bytes:
    """A byte changed, put in or taken out; the end cut off; or a piece doubled."""
    at = source.randrange(len(payload) + 1)
    byte = bytes([source.choice(ALPHABET)])
    return source.choice(
        [
            payload[:at] + byte + payload[at + 1 :],
            payload[:at] + byte + payload[at:],
            payload[:at] + payload[at + 1 :],
            payload[:at],
            payload[:at] + payload[max(0, at - source.randrange(70)) :],
        ]
    )


def random_datagram(source: random.Random, rules: list[KernelRule]) -> bytes:
    shape = source.random()
    if shape < 0.05:
        return bytes(source.choice(ALPHABET) for _ in range(source.randrange(200)))
    if shape < 0.08:
        return b"\n".join(good_line(source, rules) for _ in range(source.randrange(12, 40)))
    lines = [random_line(source, rules) for _ in range(1 if shape < 0.7 else source.randrange(1, 19))]
    payload = b"\n".join(lines) + source.choice([b"", b"", b"\n"])
    for _ in range(source.choice([0, 1, 1, 2])):
        payload = mutated(source, payload)
    return payload


@pytest.mark.parametrize("seed", range(4))
def test_kernel_and_model_decide_alike(
    enforcement: Enforcement, server: Server, server6: Server, seed: int
) -> None:
    source = random.Random(seed)
    rules = random_rules(source)
    enforcement.switch(rules, 1)
    model = Model({rule.name: rule for rule in rules})
    program = bpf.get(loading.programs_folder(enforcement.pins) / "on_egress")
    totals, key = enforcement.maps["totals"], bytes(4)
    before, met = totals.columns(key), dict.fromkeys((None, *Reason), 0)
    for number in range(DATAGRAMS // 4):
        payload = random_datagram(source, rules)
        wanted = model.decide(payload, 0)
        one = server if number % 2 else server6
        verdict, _ = bpf.test_run(program, datagram(payload, one.destination))
        now = totals.columns(key)
        reasons = [reason for reason in Reason if now[reason] != before[reason]]
        assert reasons == ([wanted] if wanted else []), (payload, wanted)
        assert verdict == (wanted is None), (payload, wanted)
        before = now
        met[wanted] += 1
    never = {Reason.NO_POLICY, Reason.SUSPENDED, Reason.RATE}
    content = {reason for reason in Reason if reason >= Reason.OVERSIZED} - never - {Reason.LENGTH}
    assert not {reason.name for reason in content if not met[reason]}
    assert met[None] > DATAGRAMS // 4 // 30

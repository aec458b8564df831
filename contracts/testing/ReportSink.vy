# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title A Consumer That Remembers the Latest Report
@custom:contract-name ReportSink
@license GNU Affero General Public License v3.0 only
@author The Westworld authors
@notice For tests only: it checks no caller, and it refuses
        or re-enters on demand.
"""


# @dev We import and implement the `IReportConsumer` interface.
from ..interfaces import IReportConsumer
implements: IReportConsumer


# @dev Returns the latest topic.
topic: public(bytes32)


# @dev Returns the latest sequence.
sequence: public(uint256)


# @dev Returns the latest observed block.
observed_block: public(uint256)


# @dev Returns the latest payload.
payload: public(Bytes[4096])


# @dev Returns the number of reports received.
count: public(uint256)


# @dev Whether reports are refused.
_refusing: bool


# @dev The call to make back to the caller when a report arrives.
_reentry: Bytes[8192]


@deploy
@payable
def __init__():
    """
    @dev To omit the opcodes for checking the `msg.value`
         in the creation-time EVM bytecode, the constructor
         is declared as `payable`.
    """
    pass


@external
def on_report(topic: bytes32, sequence: uint256, observed_block: uint256, payload: Bytes[4096]):
    """
    @dev Remembers a report.
    @param topic The 32-byte topic.
    @param sequence The 32-byte sequence.
    @param observed_block The 32-byte block number.
    @param payload The maximum 4096-byte content.
    """
    assert not self._refusing, "report_sink: refusing"
    self.topic = topic
    self.sequence = sequence
    self.observed_block = observed_block
    self.payload = payload
    self.count += 1
    if len(self._reentry) != 0:
        raw_call(msg.sender, self._reentry)


@external
def refuse(refusing: bool):
    """
    @dev Makes the sink refuse reports, or accept them again.
    @param refusing Whether to refuse.
    """
    self._refusing = refusing


@external
def reenter(reentry: Bytes[8192]):
    """
    @dev Makes the sink call its caller back on a report.
    @param reentry The ABI-encoded call.
    """
    self._reentry = reentry

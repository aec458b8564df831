# pragma version ~=0.4.3
"""
@title A Tally
@license GNU Affero General Public License v3.0 only
@notice For tests only: counts how often each key was counted, so that
        an effect that happens twice shows.
"""


event Counted:
    key: indexed(bytes32)
    by: indexed(address)
    times: uint256


# @dev How often each key was counted.
times: public(HashMap[bytes32, uint256])


# @dev Whether `count` refuses.
closed: public(bool)


@external
def count(key: bytes32):
    """
    @dev Counts a key once more.
    """
    assert not self.closed, "tally: closed"
    self.times[key] += 1
    log Counted(key=key, by=msg.sender, times=self.times[key])


@external
def close(closed: bool):
    """
    @dev Sets whether `count` refuses.
    """
    self.closed = closed


@external
@view
def API_VERSION() -> String[8]:
    """
    @dev A version that no wrapper knows.
    """
    return "9"

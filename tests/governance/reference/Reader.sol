// SPDX-License-Identifier: AGPL-3.0-only
pragma solidity ^0.8.27;

/// @notice Makes many static calls in one, for tests that compare two contracts after each step.
contract Reader {
    /// @dev The input is packed: for each call 20 bytes of address, 2 bytes of length, and calldata. So is the
    /// answer: for each call 1 byte (whether it succeeded), 4 bytes of length, and what came back.
    fallback() external {
        assembly {
            let out := 0
            for { let at := 0 } lt(at, calldatasize()) {} {
                let target := shr(96, calldataload(at))
                let size := shr(240, calldataload(add(at, 20)))
                calldatacopy(add(out, 5), add(at, 22), size)
                let success := staticcall(gas(), target, add(out, 5), size, 0, 0)
                mstore(out, or(shl(248, success), shl(216, returndatasize())))
                returndatacopy(add(out, 5), 0, returndatasize())
                out := add(add(out, 5), returndatasize())
                at := add(add(at, 22), size)
            }
            return(0, out)
        }
    }
}

// SPDX-License-Identifier: AGPL-3.0-only
pragma solidity ^0.8.27;

// A Safe as wallets deploy it: its code, what makes a proxy of it, and what answers ERC-1271 for it.
import {
    CompatibilityFallbackHandler
} from "@safe-global/safe-contracts/contracts/handler/CompatibilityFallbackHandler.sol";
import {SafeProxyFactory} from "@safe-global/safe-contracts/contracts/proxies/SafeProxyFactory.sol";
import {Safe} from "@safe-global/safe-contracts/contracts/Safe.sol";

# pragma version ~=0.4.3
"""
@title Registry of Nodes
@custom:contract-name NodeRegistry
@license GNU Affero General Public License v3.0 only
@author The Westworld authors
@notice Holds the nodes of the network: who operates them, the keys
        that sign their ledgers, the bonds that answer for them, and
        their standing. One contract at a time, the arbiter, may hold
        bonds back and take from them. The owner can name the arbiter
        and the treasury: he moves no bond himself, but the arbiter
        that he names can.
@custom:replacement The owner points the arbiter at another contract
        with `set_arbiter`; holds of the former arbiter lapse with it
        and revive if it returns. To replace this registry the DAO
        deploys another one; operators request their exit here and
        register there under the ledger keys that they first had
        here, which gives them the same node ids, and rotate again.
        No vote can move their bonds to there for them.
"""


# @dev We import and initialise the `ownable` module. Ownership
# moves in one step: see docs/decisions/ownership-in-one-step.md.
from snekmate.auth import ownable
initializes: ownable


# @dev We import and initialise the `records` module.
from . import records
initializes: records


# @dev We import the `IERC20` interface, which is a built-in
# interface of the Vyper compiler.
from ethereum.ercs import IERC20


# @dev We import and implement the `INodeRegistry` interface.
from ..interfaces import INodeRegistry
implements: INodeRegistry


# @dev We export the functions of the `ownable` module.
exports: ownable.__interface__


# @dev What the registry knows about a node. `epoch` is the number
# of the ledger key in use, `exit_at` the time from which the bond
# can be withdrawn (zero while no exit was requested), `open_cases`
# the holds that the present arbiter has on the bond.
struct Node:
    operator: address
    ledger_key: bytes32
    epoch: uint256
    bond: uint256
    suspended_until: uint256
    rate_limited_until: uint256
    banned: bool
    exit_at: uint256
    open_cases: uint256
    endpoint: String[128]


# @dev The penalties, as the charter numbers them.
_RATE_LIMITED_1H: constant(uint8) = 1
_NODE_SUSPENDED_24H: constant(uint8) = 2
_BAN: constant(uint8) = 4


# @dev Returns the token that bonds are held in.
token: public(immutable(address))


# @dev Returns the least bond to register with.
minimum_bond: public(immutable(uint256))


# @dev Returns the seconds between the request to exit and the
# withdrawal, during which the bond still answers for the node.
unbonding_period: public(immutable(uint256))


# @dev Returns the address that fines go to.
treasury: public(address)


# @dev Returns the contract that may hold and penalize.
arbiter: public(address)


# @dev Returns the number of nodes ever registered.
node_count: public(uint256)


# @dev Returns the node registered at an index, from zero.
node_at: public(HashMap[uint256, bytes32])


# @dev Returns the Ed25519 key that signed a node's ledger in an
# epoch. Old keys stay: what they signed stays attributable.
ledger_key_at: public(HashMap[bytes32, HashMap[uint256, bytes32]])


# @dev Returns the number of holds that an arbiter has on a node.
holds: public(HashMap[address, HashMap[bytes32, uint256]])


# @dev Mapping from a node to the URL that its agent answers at.
_endpoints: HashMap[bytes32, String[128]]


# @dev Emitted when a node is registered.
event NodeRegistered:
    node: indexed(bytes32)
    operator: indexed(address)
    ledger_key: bytes32
    endpoint: String[128]
    bond: uint256


# @dev Emitted when a node's ledger goes on under another key.
event LedgerKeyRotated:
    node: indexed(bytes32)
    epoch: uint256
    ledger_key: bytes32


# @dev Emitted when a node's agent answers elsewhere.
event EndpointSet:
    node: indexed(bytes32)
    endpoint: String[128]


# @dev Emitted when a bond is raised to `bond`.
event BondAdded:
    node: indexed(bytes32)
    amount: uint256
    bond: uint256


# @dev Emitted when a node asks to leave.
event ExitRequested:
    node: indexed(bytes32)
    exit_at: uint256


# @dev Emitted when a bond goes back to the operator.
event Withdrawn:
    node: indexed(bytes32)
    operator: indexed(address)
    amount: uint256


# @dev Emitted when a case begins to hold a bond back.
event Held:
    node: indexed(bytes32)
    arbiter: indexed(address)
    open_cases: uint256


# @dev Emitted when a case no longer holds a bond back.
event Released:
    node: indexed(bytes32)
    arbiter: indexed(address)
    open_cases: uint256


# @dev Emitted when a penalty is applied. `until` is the time at
# which it ends: zero for none and fine, the maximum for a ban.
event Penalized:
    node: indexed(bytes32)
    penalty: uint8
    until: uint256
    fine: uint256
    bounty: uint256


# @dev Emitted when another contract becomes the arbiter.
event ArbiterSet:
    previous: indexed(address)
    arbiter: indexed(address)


# @dev Emitted when fines go to another address.
event TreasurySet:
    previous: indexed(address)
    treasury: indexed(address)


@deploy
@payable
def __init__(token_: address, treasury_: address, minimum_bond_: uint256, unbonding_period_: uint256):
    """
    @dev To omit the opcodes for checking the `msg.value`
         in the creation-time EVM bytecode, the constructor
         is declared as `payable`.
    @notice The `owner` role will be assigned to the `msg.sender`.
    @param token_ The 20-byte address of the token for bonds.
    @param treasury_ The 20-byte address that fines go to.
    @param minimum_bond_ The 32-byte least bond, in the token's
           smallest unit.
    @param unbonding_period_ The 32-byte period in seconds. It must
           leave time to find and report a violation.
    """
    ownable.__init__()
    records.__init__()
    assert token_ != empty(address), "nodes: token is the zero address"
    assert minimum_bond_ != 0, "nodes: minimum bond is zero"
    # Times are stored in 48 bits.
    assert unbonding_period_ <= convert(max_value(uint32), uint256), "nodes: unbonding period is too long"
    token = token_
    minimum_bond = minimum_bond_
    unbonding_period = unbonding_period_
    self._set_treasury(treasury_)


@external
@nonreentrant
def register(ledger_key: bytes32, endpoint: String[128], bond: uint256) -> bytes32:
    """
    @dev Registers a node of the caller and takes its bond.
    @notice The caller must have approved the bond. The node's id
            binds the operator, so nobody can take it in advance.
    @param ledger_key The 32-byte Ed25519 key that signs the ledger.
    @param endpoint The maximum 128-byte URL of the node's agent.
    @param bond The 32-byte bond in the token's smallest unit.
    @return bytes32 The 32-byte id of the node.
    """
    node: bytes32 = keccak256(abi_encode(msg.sender, ledger_key))
    assert ledger_key != empty(bytes32), "nodes: ledger key is zero"
    assert bond >= minimum_bond, "nodes: bond is below the minimum"
    assert records._identity(node).operator == empty(address), "nodes: already registered"
    records._write_identity(
        node, records.Identity(operator=msg.sender, epoch=0, exit_at=0, banned=False)
    )
    records._write_account(
        node, records.Account(bond=bond, suspended_until=0, rate_limited_until=0)
    )
    self.ledger_key_at[node][0] = ledger_key
    self._endpoints[node] = endpoint
    index: uint256 = self.node_count
    self.node_at[index] = node
    self.node_count = index + 1
    log NodeRegistered(
        node=node, operator=msg.sender, ledger_key=ledger_key, endpoint=endpoint, bond=bond
    )
    self._collect(bond)
    return node


@external
def rotate_ledger_key(node: bytes32, new_key: bytes32):
    """
    @dev Goes on under another ledger key, in the next epoch.
    @notice Note that this function can only be called by the
            operator of the node.
    @param node The 32-byte id of the node.
    @param new_key The 32-byte Ed25519 key.
    """
    identity: records.Identity = self._operated(node)
    assert new_key != empty(bytes32), "nodes: ledger key is zero"
    assert new_key != self.ledger_key_at[node][identity.epoch], "nodes: ledger key is the same"
    identity.epoch += 1
    records._write_identity(node, identity)
    self.ledger_key_at[node][identity.epoch] = new_key
    log LedgerKeyRotated(node=node, epoch=identity.epoch, ledger_key=new_key)


@external
def set_endpoint(node: bytes32, endpoint: String[128]):
    """
    @dev Sets the URL that the node's agent answers at.
    @notice Note that this function can only be called by the
            operator of the node.
    @param node The 32-byte id of the node.
    @param endpoint The maximum 128-byte URL.
    """
    self._operated(node)
    self._endpoints[node] = endpoint
    log EndpointSet(node=node, endpoint=endpoint)


@external
@nonreentrant
def add_bond(node: bytes32, amount: uint256):
    """
    @dev Raises the bond of a node.
    @notice Note that this function can only be called by the
            operator of the node, who must have approved the amount.
    @param node The 32-byte id of the node.
    @param amount The 32-byte amount in the token's smallest unit.
    """
    self._operated(node)
    assert amount != 0, "nodes: amount is zero"
    account: records.Account = records._account(node)
    account.bond += amount
    records._write_account(node, account)
    log BondAdded(node=node, amount=amount, bond=account.bond)
    self._collect(amount)


@external
def request_exit(node: bytes32):
    """
    @dev Leaves the network. The bond answers for the node until
         the unbonding period is over. A banned node may leave too,
         with what is left of its bond.
    @notice Note that this function can only be called by the
            operator of the node, and only once.
    @param node The 32-byte id of the node.
    """
    identity: records.Identity = records._identity(node)
    assert msg.sender == identity.operator, "nodes: caller is not the operator"
    assert identity.exit_at == 0, "nodes: node has left"
    identity.exit_at = block.timestamp + unbonding_period
    records._write_identity(node, identity)
    log ExitRequested(node=node, exit_at=identity.exit_at)


@external
@nonreentrant
def withdraw(node: bytes32):
    """
    @dev Pays the bond back to the operator, after the unbonding
         period and while no case is open.
    @notice Note that this function can only be called by the
            operator of the node.
    @param node The 32-byte id of the node.
    """
    identity: records.Identity = records._identity(node)
    assert msg.sender == identity.operator, "nodes: caller is not the operator"
    assert identity.exit_at != 0, "nodes: exit was not requested"
    assert block.timestamp >= identity.exit_at, "nodes: still unbonding"
    assert self.holds[self.arbiter][node] == 0, "nodes: a case is open"
    account: records.Account = records._account(node)
    amount: uint256 = account.bond
    assert amount != 0, "nodes: nothing to withdraw"
    account.bond = 0
    records._write_account(node, account)
    log Withdrawn(node=node, operator=identity.operator, amount=amount)
    self._pay(identity.operator, amount)


@external
def hold(node: bytes32):
    """
    @dev Blocks the withdrawal of a bond by one more case.
    @notice Note that this function can only be called by the
            arbiter. A case must be opened before the unbonding
            period ends: whoever lets it pass cannot be kept from
            the bond by one late report after another.
    @param node The 32-byte id of the node.
    """
    assert msg.sender == self.arbiter, "nodes: caller is not the arbiter"
    identity: records.Identity = records._identity(node)
    assert identity.operator != empty(address), "nodes: unknown node"
    assert identity.exit_at == 0 or block.timestamp < identity.exit_at, "nodes: unbonding is over"
    count: uint256 = self.holds[msg.sender][node] + 1
    self.holds[msg.sender][node] = count
    log Held(node=node, arbiter=msg.sender, open_cases=count)


@external
def release(node: bytes32):
    """
    @dev Takes back one of the caller's own holds, which a former
         arbiter may still do.
    @param node The 32-byte id of the node.
    """
    count: uint256 = self.holds[msg.sender][node]
    assert count != 0, "nodes: caller holds nothing"
    self.holds[msg.sender][node] = count - 1
    log Released(node=node, arbiter=msg.sender, open_cases=count - 1)


@external
@nonreentrant
def penalize(node: bytes32, penalty: uint8, fine: uint256, bounty: uint256) -> uint256:
    """
    @dev Applies a penalty. The bounty goes to the arbiter, the rest
         of the fine to the treasury.
    @notice Note that this function can only be called by the
            arbiter. A suspension or rate limit that is still running
            is made longer, never shorter. That the bounty is below
            the fine is checked here too, whatever the arbiter says.
    @param node The 32-byte id of the node.
    @param penalty The 1-byte penalty.
    @param fine The 32-byte fine, at most the bond.
    @param bounty The 32-byte part of the fine for the reporter.
    @return uint256 The 32-byte amount that was taken.
    """
    assert msg.sender == self.arbiter, "nodes: caller is not the arbiter"
    assert penalty <= _BAN, "nodes: unknown penalty"
    assert bounty < fine or fine == 0 and bounty == 0, "nodes: bounty is not below the fine"
    identity: records.Identity = records._identity(node)
    assert identity.operator != empty(address), "nodes: unknown node"
    account: records.Account = records._account(node)
    assert fine <= account.bond, "nodes: fine exceeds the bond"
    account.bond -= fine
    until: uint256 = 0
    if penalty == _RATE_LIMITED_1H:
        until = max(account.rate_limited_until, block.timestamp) + 3_600
        account.rate_limited_until = until
    elif penalty == _NODE_SUSPENDED_24H:
        until = max(account.suspended_until, block.timestamp) + 86_400
        account.suspended_until = until
    elif penalty == _BAN:
        until = max_value(uint256)
        identity.banned = True
        records._write_identity(node, identity)
    records._write_account(node, account)
    log Penalized(node=node, penalty=penalty, until=until, fine=fine, bounty=bounty)
    self._pay(msg.sender, bounty)
    self._pay(self.treasury, fine - bounty)
    return fine


@external
def set_arbiter(arbiter: address):
    """
    @dev Names the contract that may hold and penalize.
    @notice Note that this function can only be called by the
            current `owner`.
    @param arbiter The 20-byte address of the arbiter.
    """
    ownable._check_owner()
    assert arbiter != empty(address), "nodes: arbiter is the zero address"
    log ArbiterSet(previous=self.arbiter, arbiter=arbiter)
    self.arbiter = arbiter


@external
def set_treasury(treasury: address):
    """
    @dev Names the address that fines go to.
    @notice Note that this function can only be called by the
            current `owner`.
    @param treasury The 20-byte address of the treasury.
    """
    ownable._check_owner()
    self._set_treasury(treasury)


@external
@view
def node(node: bytes32) -> Node:
    """
    @dev Returns what is known about a node.
    @param node The 32-byte id of the node.
    @return Node The node, its operator zero if it is unknown.
    """
    identity: records.Identity = records._identity(node)
    account: records.Account = records._account(node)
    return Node(
        operator=identity.operator,
        ledger_key=self.ledger_key_at[node][identity.epoch],
        epoch=identity.epoch,
        bond=account.bond,
        suspended_until=account.suspended_until,
        rate_limited_until=account.rate_limited_until,
        banned=identity.banned,
        exit_at=identity.exit_at,
        open_cases=self.holds[self.arbiter][node],
        endpoint=self._endpoints[node],
    )


@external
@view
def is_registered(node: bytes32) -> bool:
    """
    @dev Returns whether a node was ever registered.
    @param node The 32-byte id of the node.
    @return bool Whether it was.
    """
    return records._identity(node).operator != empty(address)


@external
@view
def bond(node: bytes32) -> uint256:
    """
    @dev Returns the bond of a node.
    @param node The 32-byte id of the node.
    @return uint256 The 32-byte bond in the token's smallest unit.
    """
    return records._account(node).bond


@external
@view
def standing(node: bytes32) -> uint8:
    """
    @dev Returns the standing of a node at the block's time: the
         gravest that applies.
    @param node The 32-byte id of the node.
    @return uint8 The 1-byte standing: 0 unknown, 1 active,
            2 rate-limited, 3 suspended, 4 banned, 5 exited (from
            the request on).
    """
    identity: records.Identity = records._identity(node)
    if identity.operator == empty(address):
        return 0
    if identity.banned:
        return 4
    if identity.exit_at != 0:
        return 5
    account: records.Account = records._account(node)
    if block.timestamp < account.suspended_until:
        return 3
    if block.timestamp < account.rate_limited_until:
        return 2
    return 1


@external
@pure
def API_VERSION() -> String[8]:
    """
    @dev Returns the version of this contract's interface.
    @return String The version.
    """
    return "1"


@internal
@view
def _operated(node: bytes32) -> records.Identity:
    """
    @dev Throws unless the caller operates the node and the node
         is neither banned nor leaving.
    @param node The 32-byte id of the node.
    @return Identity Who the node is.
    """
    identity: records.Identity = records._identity(node)
    assert msg.sender == identity.operator, "nodes: caller is not the operator"
    assert not identity.banned, "nodes: node is banned"
    assert identity.exit_at == 0, "nodes: node has left"
    return identity


@internal
def _set_treasury(treasury: address):
    """
    @dev Names the address that fines go to.
    @notice This is an `internal` function without
            access restriction.
    @param treasury The 20-byte address of the treasury.
    """
    assert treasury != empty(address), "nodes: treasury is the zero address"
    assert treasury != self, "nodes: treasury is this registry"
    log TreasurySet(previous=self.treasury, treasury=treasury)
    self.treasury = treasury


@internal
def _collect(amount: uint256):
    """
    @dev Takes tokens from the caller.
    @param amount The 32-byte amount in the token's smallest unit.
    """
    assert extcall IERC20(token).transferFrom(msg.sender, self, amount), "nodes: token transfer failed"


@internal
def _pay(to: address, amount: uint256):
    """
    @dev Pays tokens out, nothing for nothing.
    @param to The 20-byte address that is paid.
    @param amount The 32-byte amount in the token's smallest unit.
    """
    if amount != 0:
        assert extcall IERC20(token).transfer(to, amount), "nodes: token transfer failed"

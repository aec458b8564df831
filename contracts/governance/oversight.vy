# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Who Watches over Proposals
@custom:contract-name oversight
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice Two accounts can hold a proposal back, and neither can make one
        pass. The *guardian* cancels (the reference's
        GovernorProposalGuardian). The *co-signer*, a Safe as a rule,
        signs what passed on a co-signed track, by a transaction of its
        own, before it is executed. Neither has a say in the removal or
        replacement of either, or the members could not get rid of
        them.
"""


# @dev The 4-byte selectors of the calls that replace them.
_SET_GUARDIAN: constant(bytes4) = method_id("setProposalGuardian(address)", output_type=bytes4)
_SET_CO_SIGNER: constant(bytes4) = method_id("setCoSigner(address)", output_type=bytes4)


# @dev Returns who can cancel proposals (none: the zero address).
proposalGuardian: public(address)


# @dev Returns who signs what passed on a co-signed track (none: the
# zero address; such a track then needs no co-signature).
coSigner: public(address)


# @dev Returns which co-signer signed a proposal (none: the zero
# address). The signature of one that was replaced counts no more.
coSignatureOf: public(HashMap[uint256, address])


# @dev Emitted when the guardian changes.
event ProposalGuardianSet:
    oldProposalGuardian: address
    newProposalGuardian: address


# @dev Emitted when the co-signer changes.
event CoSignerSet:
    oldCoSigner: address
    newCoSigner: address


# @dev Emitted when the co-signer signs a proposal.
event ProposalCoSigned:
    proposalId: indexed(uint256)
    coSigner: address


@internal
@pure
def _is_replacement(selector: bytes4) -> bool:
    """
    @dev Returns whether a call of the Governor replaces who watches.
         The guardian and the co-signer have a say in neither: else
         one cancels what removes the other, who does not sign what
         removes the one.
    @param selector The 4-byte selector of the call.
    @return bool The verification whether the call replaces either.
    """
    return selector in [_SET_GUARDIAN, _SET_CO_SIGNER]


@internal
def _set_guardian(guardian: address):
    """
    @dev Replaces the guardian.
    @param guardian The 20-byte address of the guardian (or zero).
    """
    log ProposalGuardianSet(oldProposalGuardian=self.proposalGuardian, newProposalGuardian=guardian)
    self.proposalGuardian = guardian


@internal
def _set_co_signer(co_signer: address):
    """
    @dev Replaces the co-signer.
    @param co_signer The 20-byte address of the co-signer (or zero).
    """
    log CoSignerSet(oldCoSigner=self.coSigner, newCoSigner=co_signer)
    self.coSigner = co_signer


@internal
def _co_sign(proposal_id: uint256):
    """
    @dev Stores the caller's signature of a proposal.
    @notice Reverts unless the caller is the co-signer.
    @param proposal_id The 32-byte identifier of the proposal.
    """
    if msg.sender != self.coSigner:
        raw_revert(abi_encode(msg.sender, method_id=method_id("GovernorOnlyCoSigner(address)")))
    self.coSignatureOf[proposal_id] = msg.sender
    log ProposalCoSigned(proposalId=proposal_id, coSigner=msg.sender)


@internal
@view
def _check_co_signature(proposal_id: uint256):
    """
    @dev Reverts unless the present co-signer, if there is one, has
         signed a proposal.
    @param proposal_id The 32-byte identifier of the proposal.
    """
    co_signer: address = self.coSigner
    if co_signer != empty(address) and self.coSignatureOf[proposal_id] != co_signer:
        raw_revert(
            abi_encode(
                proposal_id, co_signer, method_id=method_id("GovernorMissingCoSignature(uint256,address)")
            )
        )

"""More DAOs over the same token: a second Governor with settings of its own."""

from dataclasses import replace
from typing import Any

from ape.managers.project import ProjectManager

from .conftest import EXECUTOR_DELAY, ZERO, Dao, deploy_governor, hand_over, standard_track


def found(
    project: ProjectManager, dao: Dao, *, guardian: Any = ZERO, stores: bool = True, **settings: Any
) -> Dao:
    """The DAO with a new Governor, whose only track is `standard` with these settings, and its executor."""
    owner = dao.owner
    executor = owner.deploy(project.Timelock, EXECUTOR_DELAY, [], [], owner.address)
    tracks = [standard_track(executor, **settings)]
    governor = deploy_governor(project, owner, dao.token, tracks, guardian=guardian, stores=stores)
    hand_over(executor, governor, owner)
    dao.until(dao.now + 2)
    return replace(dao, governor=governor, executor=executor)

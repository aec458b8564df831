"""What keeps a daemon from starting. Each message is one line for the operator."""


class DaemonError(Exception):
    """Anything the daemon room raises on purpose."""


class SettingsFault(DaemonError):
    """Settings are missing or wrong."""


class StateFolderBusy(DaemonError):
    """Another process works in the state folder."""


class StateFolderFault(DaemonError):
    """The state folder or its database cannot be used."""


class KeystoreFault(DaemonError):
    """A keystore file cannot be used."""


class WrongPassword(KeystoreFault):
    """The password does not open the keystore."""

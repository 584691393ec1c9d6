"""What to paste into a bug report."""

import importlib.metadata
import platform
import re
import sys


def show_versions() -> None:
    """Write the versions of skmix, of what it depends on, and of the machine.

    Examples
    --------
    >>> import skmix
    >>> skmix.show_versions()
    skmix: ...
    """
    from ._torch.device import describe_devices

    names = ["skmix"]
    for requirement in importlib.metadata.requires("skmix") or []:
        name = re.split(r"[^\w-]", requirement)[0]
        if name not in names:
            names.append(name)
    facts = {}
    for name in names:
        try:
            facts[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            facts[name] = "not installed"
    facts["python"] = sys.version.replace("\n", " ")
    facts["machine"] = platform.platform()
    facts["devices"] = describe_devices()
    sys.stdout.writelines(f"{name}: {fact}\n" for name, fact in facts.items())

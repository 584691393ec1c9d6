"""Human-in-the-loop mixup: how people see mixes, and the page that asks them."""

from ._consistency import ConsistencyReport, consistency_report
from ._hmix import load_cifar10h, load_hmix
from ._judgments import Judgments, load_judgments
from ._notebook import elicitation_widget
from ._policy import HumanMixPolicy
from ._relabel import Relabelled, relabel
from ._server import ElicitationServer
from ._tasks import MixTasks, make_mix_tasks

__all__ = [
    "ConsistencyReport",
    "ElicitationServer",
    "HumanMixPolicy",
    "Judgments",
    "MixTasks",
    "Relabelled",
    "consistency_report",
    "elicitation_widget",
    "load_cifar10h",
    "load_hmix",
    "load_judgments",
    "make_mix_tasks",
    "relabel",
]

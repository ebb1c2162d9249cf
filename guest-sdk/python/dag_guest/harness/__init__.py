"""Runs operators natively in unit tests, through the same frames as a node does, and checks what they promise.

::

    from dag_guest.harness import Records, check_fold, fold

    records = Records.each_second([3.0, -3.0])
    assert fold(Rms, {}, records) == 3.0
    check_fold(Rms, {}, records)
"""

from .aggregates import check_fold, fold, scan
from .records import SECOND, Records
from .transforms import check_determinism, run

__all__ = ["Records", "SECOND", "check_determinism", "check_fold", "fold", "run", "scan"]

"""Faults sown into the scripts, each of which the model must catch."""

from model.mutants.kept import KEPT
from model.mutants.mutant import Mutant
from model.mutants.road import ROAD
from model.mutants.sessions import SESSIONS

__all__ = ["MUTANTS", "Mutant"]

MUTANTS = (*ROAD, *SESSIONS, *KEPT)

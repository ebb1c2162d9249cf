"""What the author of an operator in Python uses. ``docs/operators/python.md`` is the place to begin."""

from .column import Column, ColumnBuilder, column_of, take_rows
from .component import Component, component
from .fold import About, Accumulator, Aggregate, Bound, Fold, fold_column, fold_rows
from .frame import Frame, FrameError, encode_frame
from .host import log, random
from .inputs import Batch, Inputs
from .keyed import Keyed, keys_of
from .output import Output
from .parameter import Parameter, parameter
from .refusal import Refusal
from .schema import Field, Input, Lookback, Schema, Type, Value, find_column
from .state import State, save_states
from .transform import Opening, Transform

__all__ = [
    "About",
    "Accumulator",
    "Aggregate",
    "Batch",
    "Bound",
    "Column",
    "ColumnBuilder",
    "Component",
    "Field",
    "Fold",
    "Frame",
    "FrameError",
    "Input",
    "Inputs",
    "Keyed",
    "Lookback",
    "Opening",
    "Output",
    "Parameter",
    "Refusal",
    "Schema",
    "State",
    "Transform",
    "Type",
    "Value",
    "column_of",
    "component",
    "encode_frame",
    "find_column",
    "fold_column",
    "fold_rows",
    "keys_of",
    "log",
    "parameter",
    "random",
    "save_states",
    "take_rows",
]

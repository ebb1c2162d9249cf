from avg import Avg
from ema import Ema
from sessions import Sessions

from dag_guest import component

component = component("examples-python", "1.0.0", [Avg, Ema, Sessions])

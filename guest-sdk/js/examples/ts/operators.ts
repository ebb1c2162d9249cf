import { component } from "dag-guest";

import { Avg } from "./avg.js";
import { Ema } from "./ema.js";
import { Sessions } from "./sessions.js";

export default component("examples-ts", "1.0.0", [Avg, Ema, Sessions]);

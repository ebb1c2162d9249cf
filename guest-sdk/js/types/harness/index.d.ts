/**
 * Runs operators natively in unit tests, through the same frames as a node does, and checks what they promise.
 *
 * @example
 * import { checkFold, fold, Records } from "dag-guest/harness";
 * const records = Records.eachSecond([3, -3]);
 * assert.equal(fold(Rms, {}, records), 3);
 * checkFold(Rms, {}, records);
 *
 * @module
 */
export { checkFold, fold, scan } from "./aggregates.js";
export { Records, SECOND } from "./records.js";
export { checkDeterminism, run } from "./transforms.js";

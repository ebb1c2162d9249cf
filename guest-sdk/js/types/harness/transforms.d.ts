/**
 * Transforms in tests.
 *
 * @module
 */
import { Records } from "./records.js";
import type { TransformClass } from "../component/component.js";
import type { TextArguments } from "./aggregates.js";
export type Merged = {
    input: number;
    row: number;
};
/**
 * What a transform makes of these inputs, each sealed. Inputs are called `a`, `b`, `c`, ... in expressions.
 *
 * @param {TransformClass} transform
 * @param {TextArguments} args
 * @param {Records[]} inputs
 * @returns {Records}
 */
export declare function run(transform: TransformClass, args: TextArguments, inputs: Records[]): Records;
/**
 * Checks the contract on operators: other batches, additional calls of `advance`, and going on from a snapshot all give the same output;
 * and no record comes earlier than what was promised not to.
 *
 * @param {TransformClass} transform
 * @param {TextArguments} args
 * @param {Records[]} inputs
 * @throws {Error} If it does not hold, or the operator fails.
 */
export declare function checkDeterminism(transform: TransformClass, args: TextArguments, inputs: Records[]): void;

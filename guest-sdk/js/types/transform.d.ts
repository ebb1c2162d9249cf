/**
 * Transforms: every operator that is not a fold.
 *
 * The contract: splitting the same input into other batches, or calling `advance` more or less often, must not change the output.
 * `checkDeterminism` of `dag-guest/harness` checks it.
 *
 * @module
 */
import type { About } from "./fold.js";
import type { Inputs } from "./inputs.js";
import type { Output } from "./output.js";
import type { Input, Lookback, Schema } from "./schema.js";
import type { Parameter } from "./parameter.js";
export type Order = "log" | "time";
export type Opening = {
    schema: Schema;
    order: Order;
    lookback: Lookback;
};
/** @import { About } from "./fold.js" */
/** @import { Inputs } from "./inputs.js" */
/** @import { Output } from "./output.js" */
/** @import { Input, Lookback, Schema } from "./schema.js" */
/** @import { Parameter } from "./parameter.js" */
/**
 * Which records `process` sees, and when: `log`: of one input, as its log has them, at once, and the output keeps that order; `time`:
 * all inputs merged by (time, input, sequence), only records before the joint frontier.
 *
 * @typedef {"log" | "time"} Order
 */
/**
 * What a begun computation says of itself: the output's columns besides `time`, which records it wants, and how much earlier than a
 * result its causes may lie.
 *
 * @typedef {{ schema: Schema, order: Order, lookback: Lookback }} Opening
 */
/**
 * A running operator from streams to a stream: one computation.
 *
 * @example
 * class Doubled extends Transform {
 *     static about = { name: "doubled", doc: "Twice the value.", example: "doubled(cpu_util)" };
 *     open(args, [input]) {
 *         this.column = findColumn(input.schema, "value");
 *         return { schema: [{ name: "value", type: "float64" }], order: "log", lookback: "none" };
 *     }
 *     process(inputs, out) {
 *         const batch = inputs.first;
 *         eachNumber(batch.column(this.column), (row, value) => out.push(batch.times[row], 2 * value));
 *     }
 * }
 */
export declare class Transform {
    /** How people find it and call it. @type {About} */
    static about: About;
    /** What it takes besides its inputs. @type {Record<string, Parameter<any>>} */
    static parameters: Record<string, Parameter<any>>;
    /** The least number of inputs. */
    static minInputs: number;
    /** The greatest number; `null` means any number. @type {number | null} */
    static maxInputs: number | null;
    /** The parameter (of kind `columns`) whose columns are the key, if records of different keys do not meet. @type {string | null} */
    static key: string | null;
    /** The version of the state that it writes. */
    static stateWritten: number;
    /** The versions of the state that it reads. @type {number[]} */
    static stateRead: number[];
    /**
     * Begins the computation. Called once, before all that follow.
     *
     * @param {any} args The values of {@link Transform.parameters}.
     * @param {Input[]} inputs
     * @returns {Opening}
     * @throws {Refusal} If the inputs have not the columns that the arguments ask for.
     */
    open(args: any, inputs: Input[]): Opening;
    /**
     * Takes the next records.
     *
     * @param {Inputs} inputs
     * @param {Output} out
     * @throws Stops the computation.
     */
    process(inputs: Inputs, out: Output): void;
    /**
     * Learns that no record earlier than `frontier` will follow. Also called, with the same frontier, as long as the output says that
     * there is more.
     *
     * @param {bigint | null} frontier In nanoseconds since the epoch; `null` means that no record at all will follow.
     * @param {Output} out
     */
    advance(frontier: bigint | null, out: Output): void;
    /**
     * What it remembers, in chunks of bytes. An operator without memory has none. Not called while there is more output.
     *
     * @returns {Uint8Array[]}
     */
    snapshot(): Uint8Array[];
    /**
     * Remembers again. Called at most once, after {@link Transform.open} and before any record.
     *
     * @param {number} version One of {@link Transform.stateRead}.
     * @param {Uint8Array[]} chunks What {@link Transform.snapshot} wrote.
     */
    restore(version: number, chunks: Uint8Array[]): void;
}

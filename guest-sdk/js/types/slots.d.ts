/**
 * Slots of one fold each: the loops behind {@link Fold}.
 *
 * @module
 */
import { Column } from "./column.js";
import type { FoldClass } from "./fold.js";
/** @import { Fold, FoldClass } from "./fold.js" */
/** An accumulator that holds a fold per slot. */
export declare class Slots {
    #private;
    /** @param {FoldClass} fold */
    constructor(fold: FoldClass);
    /**
     * @param {Uint32Array} slots
     * @param {BigInt64Array} times
     * @param {Column[]} columns
     */
    update(slots: Uint32Array, times: BigInt64Array, columns: Column[]): void;
    /**
     * @param {Uint32Array} slots
     * @param {BigInt64Array} times
     * @param {Column[]} columns
     */
    scan(slots: Uint32Array, times: BigInt64Array, columns: Column[]): Column;
    /**
     * @param {Uint32Array} into
     * @param {Uint32Array} from
     */
    combine(into: Uint32Array, from: Uint32Array): void;
    /** @param {Uint32Array} slots */
    state(slots: Uint32Array): Column[];
    /**
     * @param {Uint32Array} slots
     * @param {Column[]} columns
     */
    merge(slots: Uint32Array, columns: Column[]): void;
    /** @param {Uint32Array} slots */
    finish(slots: Uint32Array): Column;
    /** @param {Uint32Array} slots */
    clear(slots: Uint32Array): void;
}

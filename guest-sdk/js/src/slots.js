/**
 * Slots of one fold each: the loops behind {@link Fold}.
 *
 * @module
 */

import { ColumnBuilder, columnOf } from "./builder.js";
import { Column, eachNumber, eachValue } from "./column.js";
import { fitsState, loadState, saveStates, unfit } from "./state.js";

/** @import { Fold, FoldClass } from "./fold.js" */

/** An accumulator that holds a fold per slot. */
export class Slots {
    /** @type {Fold[]} */
    #folds = [];
    #class;
    /** Whether times are asked for: a BigInt for each row costs more than most folds. */
    #wantsTimes;

    /** @param {FoldClass} fold */
    constructor(fold) {
        this.#class = fold;
        this.#wantsTimes = fold.prototype.update.length > 1;
    }

    /**
     * @param {Uint32Array} slots
     * @param {BigInt64Array} times
     * @param {Column[]} columns
     */
    update(slots, times, columns) {
        const folds = this.#reach(slots);
        if (this.#wantsTimes) {
            this.#each(times, columns, (row, value) => folds[slots[row]].update(value, times[row]));
        } else {
            this.#each(times, columns, (row, value) => folds[slots[row]].update(value, 0n));
        }
    }

    /**
     * @param {Uint32Array} slots
     * @param {BigInt64Array} times
     * @param {Column[]} columns
     */
    scan(slots, times, columns) {
        const folds = this.#reach(slots);
        const results = new ColumnBuilder(this.#class.result);
        const until = (/** @type {number} */ row) => {
            while (results.length < row) {
                results.push(folds[slots[results.length]].result());
            }
        };
        this.#each(times, columns, (row, value) => {
            until(row);
            folds[slots[row]].update(value, this.#wantsTimes ? times[row] : 0n);
            results.push(folds[slots[row]].result());
        });
        until(slots.length);
        return results.finish();
    }

    /**
     * @param {Uint32Array} into
     * @param {Uint32Array} from
     */
    combine(into, from) {
        const folds = this.#reach(into);
        for (let row = 0; row < into.length; row++) {
            const later = folds[from[row]];
            if (later !== undefined) {
                folds[into[row]].combine(later);
            }
        }
    }

    /** @param {Uint32Array} slots */
    state(slots) {
        const empty = new this.#class();
        return saveStates(this.#class, Array.from(slots, (slot) => this.#folds[slot] ?? empty));
    }

    /**
     * @param {Uint32Array} slots
     * @param {Column[]} columns
     */
    merge(slots, columns) {
        const folds = this.#reach(slots);
        const fits = fitsState(this.#class, columns);
        for (let row = 0; row < slots.length; row++) {
            const saved = fits ? loadState(this.#class, columns, row) : this.#class.loadEarlier(columns, row);
            if (saved === undefined) {
                throw unfit(this.#class, columns);
            }
            folds[slots[row]].combine(saved);
        }
    }

    /** @param {Uint32Array} slots */
    finish(slots) {
        return columnOf(this.#class.result, Array.from(slots, (slot) => this.#folds[slot]?.result() ?? null));
    }

    /** @param {Uint32Array} slots */
    clear(slots) {
        for (const slot of slots) {
            delete this.#folds[slot];
        }
    }

    /**
     * Makes room for these slots.
     *
     * @param {Uint32Array} slots
     */
    #reach(slots) {
        const folds = this.#folds;
        for (let row = 0; row < slots.length; row++) {
            if (folds[slots[row]] === undefined) {
                folds[slots[row]] = new this.#class();
            }
        }
        return folds;
    }

    /**
     * Calls `take` with each row that has a value. Without a column each record is one.
     *
     * @param {BigInt64Array} times
     * @param {Column[]} columns
     * @param {(row: number, value: any) => void} take
     */
    #each(times, columns, take) {
        const column = columns[0] ?? new Column("timestamp", times.length, null, times, null);
        switch (this.#class.value) {
            case "number":
                return eachNumber(column, take);
            case "any":
                for (let row = 0; row < column.length; row++) {
                    if (column.isValid(row)) {
                        take(row, true);
                    }
                }
                return;
            default:
                return eachValue(column, take);
        }
    }
}

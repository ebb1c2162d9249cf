/**
 * What operators remember, as columns, so that it survives a crash and moves between workers.
 *
 * @module
 */
import type { Column } from "./column.js";
import type { Type } from "./schema.js";
export type StateColumns = Record<string, Type | `${Type}?`>;
export type StateClass<S> = {
    new (): S;
    state: StateColumns;
    name: string;
};
export type StateField = {
    name: string;
    type: Type;
    nullable: boolean;
    isNumber: boolean;
};
/**
 * The fields of a state, in the order of its columns.
 *
 * @param {StateClass<any>} state
 * @returns {StateField[]}
 * @throws {TypeError} If the class does not say them rightly.
 */
export declare function stateFields(state: StateClass<any>): StateField[];
/**
 * Lays out states as columns, one row each.
 *
 * @param {StateClass<any>} state
 * @param {any[]} states
 * @returns {Column[]}
 */
export declare function saveStates(state: StateClass<any>, states: any[]): Column[];
/**
 * Whether these are the columns that {@link saveStates} makes.
 *
 * @param {StateClass<any>} state
 * @param {Column[]} columns
 */
export declare function fitsState(state: StateClass<any>, columns: Column[]): boolean;
/**
 * The error for columns that no version wrote that is read.
 *
 * @param {StateClass<any>} state
 * @param {Column[]} columns
 */
export declare function unfit(state: StateClass<any>, columns: Column[]): TypeError;
/**
 * Reads a row.
 *
 * @template S
 * @param {StateClass<S>} state
 * @param {Column[]} columns Those that {@link fitsState} takes.
 * @param {number} row
 * @returns {S}
 */
export declare function loadState<S>(state: StateClass<S>, columns: Column[], row: number): S;

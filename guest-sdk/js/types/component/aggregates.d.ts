/**
 * Aggregates behind frames: what the world `aggregate` calls.
 *
 * @module
 */
import type { Lookback, Schema, Type } from "../schema.js";
import type { Component } from "./component.js";
export type GivenArguments = {
    name: string;
    value: string;
}[];
/** A bound aggregate that takes frames. */
export declare class AggregateInstance {
    #private;
    /** What binding says. @type {{ result: Type, columns: number[], lookback: Lookback }} @readonly */
    binding: {
        result: Type;
        columns: number[];
        lookback: Lookback;
    };
    /**
     * Binds the operator of that name.
     *
     * @param {Component} component
     * @param {string} operator
     * @param {GivenArguments} given
     * @param {Schema} schema
     */
    constructor(component: Component, operator: string, given: GivenArguments, schema: Schema);
    /**
     * Folds rows into slots. Columns: slot, time, then the bound ones. The same for the others as the world says.
     *
     * @param {Uint8Array} bytes
     */
    update(bytes: Uint8Array): void;
    /**
     * @param {Uint8Array} bytes
     * @returns {Uint8Array} One column: the result after each row.
     */
    scan(bytes: Uint8Array): Uint8Array;
    /** @param {Uint8Array} bytes Columns: into, from. */
    combine(bytes: Uint8Array): void;
    /**
     * @param {Uint8Array} bytes Column: slot.
     * @returns {Uint8Array} One row per slot.
     */
    state(bytes: Uint8Array): Uint8Array;
    /** @param {Uint8Array} bytes Columns: slot, then the state's. */
    merge(bytes: Uint8Array): void;
    /**
     * @param {Uint8Array} bytes Column: slot.
     * @returns {Uint8Array} One column.
     */
    finish(bytes: Uint8Array): Uint8Array;
    /** @param {Uint8Array} bytes Column: slot. */
    clear(bytes: Uint8Array): void;
}
/**
 * Reads arguments and says whose they were if that fails.
 *
 * @param {any} operator
 * @param {GivenArguments} given
 */
export declare function argumentsOf(operator: any, given: GivenArguments): Record<string, any>;

/**
 * Transforms behind frames: what the world `transform` calls.
 *
 * @module
 */
import type { Emitted } from "../output.js";
import type { Input } from "../schema.js";
import type { Opening } from "../transform.js";
import type { GivenArguments } from "./aggregates.js";
import type { Component } from "./component.js";
/** An open transform that takes frames. */
export declare class TransformInstance {
    #private;
    /** What opening says. @type {Opening} @readonly */
    opening: Opening;
    /**
     * Opens the operator of that name.
     *
     * @param {Component} component
     * @param {string} operator
     * @param {GivenArguments} given
     * @param {Input[]} inputs
     */
    constructor(component: Component, operator: string, given: GivenArguments, inputs: Input[]);
    /**
     * Takes one frame per input and the order of their merge, as the world says.
     *
     * @param {Uint8Array[]} frames
     * @param {Uint8Array} order
     * @returns {Emitted}
     */
    process(frames: Uint8Array[], order: Uint8Array): Emitted;
    /**
     * @param {bigint | null} frontier
     * @returns {Emitted}
     */
    advance(frontier: bigint | null): Emitted;
    /** @returns {Uint8Array[]} */
    snapshot(): Uint8Array[];
    /**
     * @param {number} version
     * @param {Uint8Array[]} chunks
     */
    restore(version: number, chunks: Uint8Array[]): void;
}

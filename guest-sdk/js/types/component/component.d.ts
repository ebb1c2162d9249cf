/**
 * A component: some operators of one world under a name and a version.
 *
 * @module
 */
import { Aggregate } from "../fold.js";
import { Transform } from "../transform.js";
import type { ParameterKind } from "../parameter.js";
export type AggregateClass = typeof Aggregate;
export type TransformClass = typeof Transform & {
    new (): Transform;
};
export type Signature = {
    name: string;
    doc: string;
    example: string;
    minInputs: number;
    maxInputs: number | undefined;
    parameters: {
        name: string;
        kind: ParameterKind;
        required: boolean;
        positional: boolean;
        repeated: boolean;
        default: string | undefined;
        doc: string;
    }[];
    key: string | undefined;
    stateWritten: number;
    stateRead: number[];
};
export type Component = {
    name: string;
    version: string;
    operators: (AggregateClass | TransformClass)[];
};
/** @import { About, FoldClass } from "../fold.js" */
/** @import { Parameter, ParameterKind } from "../parameter.js" */
/** @typedef {typeof Aggregate} AggregateClass */
/** @typedef {typeof Transform & { new (): Transform }} TransformClass */
/**
 * What an operator says of itself, as the world has it.
 *
 * @typedef {object} Signature
 * @property {string} name
 * @property {string} doc
 * @property {string} example
 * @property {number} minInputs
 * @property {number | undefined} maxInputs
 * @property {{ name: string, kind: ParameterKind, required: boolean, positional: boolean, repeated: boolean, default: string | undefined,
 *     doc: string }[]} parameters
 * @property {string | undefined} key
 * @property {number} stateWritten
 * @property {number[]} stateRead
 */
/**
 * Some operators under a name and a version.
 *
 * @typedef {object} Component
 * @property {string} name
 * @property {string} version
 * @property {(AggregateClass | TransformClass)[]} operators
 */
/**
 * Makes a component, which the operators' module exports as its default: `export default component("electric", "1.0.0", [Rms])`.
 *
 * @param {string} name Letters, digits, `_` and `-`, a letter first.
 * @param {string} version Three numbers with dots: `1.2.0`.
 * @param {(AggregateClass | TransformClass)[]} operators
 * @returns {Component}
 * @throws {TypeError} If they are no operators, or do not say what they must.
 */
export declare function component(name: string, version: string, operators: (AggregateClass | TransformClass)[]): Component;
/**
 * Whether a class is an aggregate; else it is a transform.
 *
 * @param {any} operator
 */
export declare function isAggregate(operator: any): boolean;
/**
 * What a component says of its aggregates, or of its transforms, as the world has it.
 *
 * @param {Component} component
 * @param {boolean} aggregates
 * @returns {{ name: string, version: string, operators: Signature[] }}
 */
export declare function describe({ name, version, operators }: Component, aggregates: boolean): {
    name: string;
    version: string;
    operators: Signature[];
};
/**
 * The operator of that name.
 *
 * @param {Component} component
 * @param {string} name
 * @returns {any}
 */
export declare function findOperator(component: Component, name: string): any;

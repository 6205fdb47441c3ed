/** Why an operator cannot be imported, and what to do about it. */
export class Unsupported extends Error {}

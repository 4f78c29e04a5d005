import Type from 'typebox';

/** Literal types of texts, for a union of them. */
export const Literals = <const V extends readonly string[]>(...values: V) =>
  values.map((value) => Type.Literal(value)) as unknown as {
    -readonly [K in keyof V]: Type.TLiteral<V[K] & string>;
  };

import Type from 'typebox';

/** The control store: tokens, lockouts, grants, budgets, leases, vault records. */
export const ControlStoreConfig = Type.Object(
  {
    transactionTimeoutMs: Type.Integer({
      description: 'A transaction that takes longer is rolled back, milliseconds.',
      default: 5000,
      minimum: 10,
      maximum: 600_000,
    }),
    transactionsWaitingMax: Type.Integer({
      description: 'Transactions that may wait for their turn; more are refused.',
      default: 10_000,
      minimum: 1,
      maximum: 1_000_000,
    }),
    foreignPollMs: Type.Integer({
      description:
        'How often changes of other processes are looked for, milliseconds; 0 where this is the only one.',
      default: 500,
      minimum: 0,
      maximum: 1000,
    }),
    busyTimeoutMs: Type.Integer({
      description: 'How long to wait for another process that holds the database, milliseconds.',
      default: 5000,
      minimum: 0,
      maximum: 60_000,
    }),
    outboxEntriesMax: Type.Integer({
      description: 'Changes that may wait for the event log; more are refused.',
      default: 1_000_000,
      minimum: 1000,
      maximum: 100_000_000,
    }),
  },
  { description: 'The control store.', default: {} },
);
export type ControlStoreConfig = Type.Static<typeof ControlStoreConfig>;

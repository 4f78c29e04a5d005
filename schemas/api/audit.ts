import Type from 'typebox';

/** The gateway's public key for its checkpoints (docs/audit-trail.md). */
export const AuditKey = Type.Object({
  gateway: Type.String({ description: 'Id of the gateway that signs.' }),
  keyId: Type.String({ description: 'First 16 hex digits of the fingerprint; checkpoints name it.' }),
  publicKey: Type.String({ description: 'Ed25519, SubjectPublicKeyInfo, PEM.' }),
  checkpointMs: Type.Integer({ description: 'Longest time between two checkpoints, milliseconds.' }),
});
export type AuditKey = Type.Static<typeof AuditKey>;

/** Keys of all gateways on one control store, also of those that are gone. */
export const AuditKeys = Type.Object({ items: Type.Array(AuditKey) });
export type AuditKeys = Type.Static<typeof AuditKeys>;

/** First line of an export: the key of the gateway that made it, and those of all. */
export type AuditExportHead = AuditKey & {
  readonly kind: 'countersign-audit-export';
  readonly keys: readonly AuditKey[];
  /** The Avro schemas that its events may be written with: those of the gateway's version and of all before it, as JSON text. */
  readonly schemas: readonly string[];
  /** Milliseconds since the epoch. */
  readonly exportedAt: number;
};
/** Every other line. */
export interface AuditExportLine {
  /** The event as it stands in the log, base64. */
  readonly event: string;
}

/** A document as one framed syslog message that is no longer than the receiver takes. */
import type { SyslogSinkConfig } from '../../../schemas/config/sinks.ts';
import type { EcsValue } from '../../../schemas/ecs/ecs-document.ts';
import { toNested } from '../outgoing.ts';
import type { OutgoingDocument } from '../sink.ts';
import { CEF_WHOLE, cefExtension, formatCef } from './cef.ts';
import { formatHead, formatStructuredData, frame, syslogSeverity } from './rfc5424.ts';
import { shorten } from './shorten.ts';

/** Fields that a search starts from or leads on by. */
const ECS_WHOLE = new Set([
  '@timestamp',
  'ecs.version',
  'event.module',
  'event.dataset',
  'event.id',
  'event.kind',
  'event.action',
  'event.category',
  'event.type',
  'user.id',
  'source.ip',
  'countersign.delivery.id',
]);
const PARAMS = [
  ['id', 'countersign.delivery.id'],
  ['kind', 'event.action'],
  ['identity', 'user.id'],
  ['session', 'countersign.session.id'],
  ['connection', 'countersign.connection'],
  ['incident', 'countersign.incident.id'],
] as const;
/** Structured data names what the message is about; lists of incidents are in the message. */
const PARAM_CHARS_MAX = 128;

/** JSON in US-ASCII: receivers that know no encoding (RFC 5424, 6.4: MSG-ANY) cannot spoil it, and no BOM stands before it. */
const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

export type MessageWriter = (document: OutgoingDocument) => Buffer | undefined;

/** Returns the writer of messages; it gives undefined for a document that cannot be made short enough. */
export function createMessageWriter(
  config: Pick<SyslogSinkConfig, 'format' | 'facilityLevel' | 'structuredDataId' | 'messageBytesMax'>,
  around: { readonly hostname: string; readonly version: string },
): MessageWriter {
  const head = ({ fields, index }: OutgoingDocument): string => {
    const params = PARAMS.map(([name, field]) => {
      const value = fields[field];
      const values = Array.isArray(value) ? (value as readonly string[]) : [value ?? ''];
      const one = values.length === 1 ? String(values[0]) : '';
      return [name, one.length > PARAM_CHARS_MAX && name !== 'id' ? '' : one] as const;
    });
    return formatHead(
      {
        facility: config.facilityLevel,
        severity: syslogSeverity(Number(fields['event.severity'] ?? 0)),
        time: fields['@timestamp'],
        hostname: around.hostname,
        appName: 'countersign',
        messageId: index,
      },
      formatStructuredData({ id: config.structuredDataId, params }),
    );
  };
  const text = (fields: Readonly<Record<string, EcsValue>>, cutNames: readonly string[]): string =>
    asciiJson(
      toNested(cutNames.length === 0 ? fields : { ...fields, 'countersign.delivery.shortened': cutNames }),
    );

  return (document) => {
    const before = head(document);
    const room = config.messageBytesMax - Buffer.byteLength(before);
    if (config.format === 'cef') {
      const write = (extensions: Readonly<Record<string, EcsValue>>): string =>
        formatCef(around.version, document.fields, extensions);
      const fitted = shorten(
        cefExtension(document.fields),
        room,
        (extensions) => Buffer.byteLength(write(extensions)),
        CEF_WHOLE,
      );
      return fitted && frame(Buffer.from(before + write(fitted.fields)));
    }
    const fitted = shorten(
      document.fields,
      room,
      (fields, cutNames) => Buffer.byteLength(text(fields, cutNames)),
      ECS_WHOLE,
    );
    return fitted && frame(Buffer.from(before + text(fitted.fields, fitted.cutNames)));
  };
}

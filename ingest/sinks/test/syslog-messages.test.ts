/** The bytes of syslog messages, by RFC 5424, RFC 5425 and ArcSight's CEF. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { EcsDocument } from '../../../schemas/ecs/ecs-document.ts';
import { cefExtension, formatCef } from '../syslog/cef.ts';
import { createMessageWriter } from '../syslog/message.ts';
import { formatHead, formatStructuredData, frame, syslogSeverity } from '../syslog/rfc5424.ts';

const TIME = Date.parse('2003-10-11T22:14:15.003Z');
const writer = (format: 'ecs' | 'cef', messageBytesMax = 8192) =>
  createMessageWriter(
    { format, messageBytesMax, facilityLevel: 13, structuredDataId: 'countersign@32473' },
    { hostname: 'siem.example', version: '0.1.0' },
  );
const fields: EcsDocument = {
  '@timestamp': TIME,
  'event.id': 'e-1',
  'event.kind': 'event',
  'event.action': 'request',
  'event.dataset': 'countersign.session-events',
  'event.severity': 75,
  'user.id': 'issuer/alice',
  'source.ip': '203.0.113.9',
  'countersign.delivery.id': 'session-events/e-1',
  message: 'drop table x',
};
const write = (format: 'ecs' | 'cef', more: object = {}, max = 8192): string | undefined =>
  writer(
    format,
    max,
  )({
    deliveryId: 'session-events/e-1',
    index: 'session-events',
    fields: { ...fields, ...more },
  })?.toString();

/** A reader of its own, by the grammar of RFC 5424, 6. */
const MESSAGE =
  /^<(?<pri>\d{1,3})>1 (?<time>-|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z) (?<host>[!-~]{1,255}) (?<app>[!-~]{1,48}) - (?<id>[!-~]{1,32}) (?<data>-|(?:\[[!#-<>-\\^-~]{1,32}(?: [!#-<>-\\^-~]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*\])+) (?<text>.*)$/s;
function read(framed: string): Record<string, string> {
  const space = framed.indexOf(' ');
  const message = Buffer.from(framed).subarray(space + 1);
  assert.equal(message.length, Number(framed.slice(0, space)));
  const groups = MESSAGE.exec(message.toString())?.groups;
  assert.ok(groups, framed);
  return groups;
}

describe('syslog messages', () => {
  it('have the header of RFC 5424', () => {
    const header = {
      facility: 4,
      severity: 2,
      time: TIME,
      hostname: 'mymachine.example.com',
      appName: 'su',
      messageId: 'ID47',
    };
    assert.equal(
      formatHead(header, '-'),
      '<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - ',
    );
    assert.equal(
      formatHead({ ...header, time: 9e15, hostname: 'two words', appName: '', messageId: 'ü' }, '-'),
      '<34>1 - twowords - - - - ',
    );
    assert.deepEqual([0, 25, 50, 75, 100].map(syslogSeverity), [6, 5, 4, 3, 2]);
  });

  it('escape values of structured data, and nothing else', () => {
    const data = (value: string): string => formatStructuredData({ id: 'x@32473', params: [['a b', value]] });
    assert.equal(data('a"b\\c]d[e=f'), '[x@32473 a_b="a\\"b\\\\c\\]d[e=f"]');
    assert.equal(data('line\nbreak\u0007'), '[x@32473 a_b="line break "]');
    assert.equal(data(''), '-');
  });

  it('count octets, not characters', () => {
    assert.equal(frame(Buffer.from('é')).toString(), '2 é');
  });

  it('carry the document as JSON in US-ASCII', () => {
    const { pri, data, text, id } = read(write('ecs', { message: 'é "x" \n 🙂' })!);
    assert.deepEqual([pri, id], [String(13 * 8 + 3), 'session-events']);
    assert.equal(data, '[countersign@32473 id="session-events/e-1" kind="request" identity="issuer/alice"]');
    assert.match(text!, /^[ -~]+$/);
    const document = JSON.parse(text!) as { '@timestamp': string; message: string; user: { id: string } };
    assert.deepEqual(
      [document.message, document.user.id, document['@timestamp']],
      ['é "x" \n 🙂', 'issuer/alice', '2003-10-11T22:14:15.003Z'],
    );
  });

  it('are cut to what the receiver takes, and say where', () => {
    const long = {
      message: 'é'.repeat(60_000),
      'countersign.request.objects': Array.from({ length: 900 }, (_, n) => `object ${n}`),
    };
    for (const max of [700, 2048, 8192]) {
      const message = write('ecs', long, max)!;
      const { text } = read(message);
      assert.ok(Number(message.split(' ')[0]) <= max);
      const document = JSON.parse(text!) as {
        countersign: { delivery: { id: string; shortened: string[] } };
      };
      assert.equal(document.countersign.delivery.id, 'session-events/e-1');
      assert.ok(document.countersign.delivery.shortened.includes('message'));
      const cef = write('cef', long, max)!;
      assert.ok(Number(cef.split(' ')[0]) <= max);
      assert.match(cef, /cs4=session-events\/e-1 /);
    }
    assert.equal(write('ecs', { 'event.id': 'x'.repeat(5000) }, 2048), undefined);
  });

  it('keep to the grammar and their bound whatever is in a document', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 300 }),
        fc.string({ maxLength: 300 }),
        (one, other) => {
          for (const format of ['ecs', 'cef'] as const) {
            const message = write(
              format,
              { message: one, 'user.id': other, 'event.reason': one + other },
              2048,
            )!;
            assert.ok(Number(message.split(' ')[0]) <= 2048);
            read(message);
          }
        },
      ),
      { seed: 24, numRuns: 200 },
    );
  });
});

/** A reader of its own: seven unescaped pipes, then keys before unescaped equal signs. */
function readCef(text: string): { head: string[]; extension: Record<string, string> } {
  const parts = text.split(/(?<!\\)(?:\\\\)*\|/);
  const at = parts.slice(0, 7).join('|').length + 1;
  const extension: Record<string, string> = {};
  for (const match of text.slice(at).matchAll(/(?:^| )(\w+)=((?:\\.|[^\\=])*?)(?= \w+=|$)/gs))
    extension[match[1]!] = match[2]!.replace(
      /\\(.)/gs,
      (_, char: string) => ({ n: '\n', r: '\r' })[char] ?? char,
    );
  return { head: parts.slice(0, 7), extension };
}

describe('CEF', () => {
  const cef = (more: object = {}): string => {
    const document = { ...fields, ...more } as EcsDocument;
    return formatCef('0.1.0', document, cefExtension(document));
  };

  it('has a header of seven fields', () => {
    assert.deepEqual(readCef(cef()).head, [
      'CEF:0',
      'Countersign',
      'Countersign',
      '0.1.0',
      'request',
      'Request',
      '8',
    ]);
    const detection = {
      'event.kind': 'alert',
      'rule.name': 'mass-read',
      message: 'Reads | everything\nat once',
      'event.severity': 100,
    };
    assert.ok(
      cef(detection).startsWith(
        'CEF:0|Countersign|Countersign|0.1.0|mass-read|Reads \\| everything at once|10|',
      ),
    );
  });

  it('escapes as ArcSight has it: pipes in the header only, equal signs in values only', () => {
    const text = cef({ message: 'a=b|c\\d\r\ne', 'user.name': 'x=y' });
    assert.ok(text.includes(' msg=a\\=b|c\\\\d\\r\\ne '), text);
    assert.equal(readCef(text).extension['msg'], 'a=b|c\\d\r\ne');
    assert.equal(readCef(text).extension['suser'], 'x=y');
    assert.ok(!/[\r\n]/.test(text));
  });

  it('puts fields where the dictionary has them', () => {
    const { extension } = readCef(
      cef({
        'user.name': 'Alice',
        'source.port': 4711,
        'destination.ip': '2001:db8::5',
        'destination.port': 5432,
        'destination.user.name': 'app',
        'network.protocol': 'postgres',
        'countersign.connection': 'orders',
        'countersign.session.id': 's-1',
        'countersign.incident.id': ['i-1'],
        'event.risk_score': 87,
        'event.outcome': 'failure',
        'observer.name': 'gateway-1',
        'user_agent.name': 'psql',
        'user_agent.version': '17',
        'threat.technique.id': ['T1078', 'T1552'],
        'threat.technique.subtechnique.id': ['T1078.004'],
      }),
    );
    const wanted = {
      rt: String(TIME),
      externalId: 'e-1',
      suid: 'issuer/alice',
      suser: 'Alice',
      src: '203.0.113.9',
      spt: '4711',
      c6a3: '2001:db8::5',
      c6a3Label: 'Destination IPv6 Address',
      dpt: '5432',
      duser: 'app',
      app: 'postgres',
      destinationServiceName: 'orders',
      cs1: 's-1',
      cs1Label: 'sessionId',
      cs2: 'i-1',
      cs4: 'session-events/e-1',
      cn1: '87',
      cn1Label: 'riskScore',
      outcome: 'failure',
      dvchost: 'gateway-1',
      requestClientApplication: 'psql/17',
      flexString1: 'T1078.004,T1552',
    };
    for (const [key, value] of Object.entries(wanted)) assert.equal(extension[key], value, key);
    assert.equal(extension['dst'], undefined);
  });

  it('keeps values to the lengths of the dictionary', () => {
    const long = 'x'.repeat(9000);
    const { extension } = readCef(
      cef({ 'event.id': long, message: long, 'countersign.session.id': long, 'event.outcome': long }),
    );
    const lengths = ['externalId', 'msg', 'cs1', 'outcome'].map((key) => extension[key]!.length);
    assert.deepEqual(lengths, [40, 1023, 4000, 63]);
  });
});

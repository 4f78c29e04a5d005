/** Every decoder with the corpus of test/corpus/postgres and with mutations of it: no crash, nothing past the message, no memory for what is only announced. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { createManualClock } from '../../../../platform/clock/manual-clock.ts';
import { createAnalyser, type OwnedAnalyser } from '../analysis/create-analyser.ts';
import { parseOptions } from '../login/startup-parameters.ts';
import { SCRAM, SCRAM_PLUS, scramFirst } from '../login/scram-server.ts';
import { parseTargetSession } from '../target/target-session.ts';
import { createSaltedPasswords, createScramClient } from '../target/scram-client.ts';
import {
  decodeBind,
  decodeError,
  decodeExecute,
  decodeFunctionCall,
  decodeNamed,
  decodeParameterStatus,
  decodeParse,
  decodeQuery,
  decodeTag,
  rowsOfTag,
} from '../wire/decode.ts';
import { FrameReader } from '../wire/frame-reader.ts';
import { decodeRow } from '../wire/row.ts';
import { readInitial } from '../wire/startup.ts';

const seed = 20_261_124;
const RUNS = 3000;
const CORPUS = readFileSync(new URL('../../../../test/corpus/postgres/messages.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => {
    const [, kind, hex, note] = /^(\w+) ([0-9a-f]*) # (.*)$/.exec(line)!;
    return { kind: kind!, bytes: Buffer.from(hex!, 'hex'), note: note! };
  });

const DECODERS: Readonly<Record<string, (bytes: Buffer) => void>> = {
  frontend(bytes) {
    const end = bytes.length;
    for (const encoding of ['utf8', 'latin1'] as const) {
      decodeQuery(bytes, 0, end, encoding);
      decodeParse(bytes, 0, end, encoding);
    }
    const bound = decodeBind(bytes, 0, end);
    if (bound !== undefined) {
      assert.ok(bound.parametersStart <= bound.parametersEnd && bound.parametersEnd <= end);
      assert.ok(bound.parameterCount * 4 <= end);
    }
    decodeNamed(bytes, 0, end);
    decodeExecute(bytes, 0, end);
    decodeFunctionCall(bytes, 0, end);
    frames(bytes);
  },
  backend(bytes) {
    const end = bytes.length;
    const { message, sqlState, severity } = decodeError(bytes, 0, end);
    assert.ok(message.length + sqlState.length + severity.length < end + 20);
    decodeParameterStatus(bytes, 0, end);
    const rows = rowsOfTag(decodeTag(bytes, 0, end));
    assert.ok(Number.isSafeInteger(rows) && rows >= 0);
    assert.ok(decodeRow(bytes.subarray(Math.min(5, end))).join('').length <= end * 3);
    frames(bytes);
  },
  initial(bytes) {
    const read = readInitial(bytes);
    if (read.state === 'done') assert.ok(read.rest.length < bytes.length);
  },
  scram(bytes) {
    const text = bytes.toString('latin1');
    const verifier = {
      salt: Buffer.from('salt'),
      iterations: 1,
      storedKey: Buffer.alloc(32, 1),
      serverKey: Buffer.alloc(32, 2),
    };
    for (const mechanism of [SCRAM, SCRAM_PLUS]) {
      const channelBinding = mechanism === SCRAM_PLUS ? Buffer.alloc(32) : null;
      const first = scramFirst({
        mechanism,
        clientFirst: text,
        verifier,
        serverNonce: 'server',
        channelBinding,
      });
      // Nobody knows the key: nothing is a proof.
      assert.equal(first?.finish(text), undefined);
    }
    const client = createScramClient({
      mechanism: SCRAM,
      password: 'p',
      nonce: 'abc',
      channelBinding: null,
      salted: createSaltedPasswords(),
    });
    assert.equal(client.verify(text), false);
  },
  options(bytes) {
    const found = parseOptions(bytes.toString('utf8'));
    assert.ok(found === undefined || Array.isArray(found));
    parseTargetSession(bytes.toString('utf8'), [{ host: 'h', port: 1 }]);
  },
};

/** Frames cover the bytes from the front, without a gap. */
function frames(bytes: Buffer): void {
  const reader = new FrameReader({ lengthMax: () => 1 << 20, streamed: (type) => type === 0x64 });
  let read = 0;
  for (let at = 0; at < bytes.length; at += 3) {
    reader.push(bytes.subarray(at, at + 3));
    while (reader.next()) read += reader.end - reader.start;
    assert.ok(reader.unreadBytes <= bytes.length);
  }
  assert.ok(read <= bytes.length);
}

/** Bytes flipped, cut out, doubled, and numbers at their ends. */
const mutated = (kind: string): fc.Arbitrary<Buffer> =>
  fc
    .tuple(
      fc.constantFrom(...CORPUS.filter((one) => one.kind === kind).map(({ bytes }) => bytes)),
      fc.array(
        fc.record({
          at: fc.nat(200),
          how: fc.constantFrom('flip', 'cut', 'double', 'great', 'small', 'zero'),
          by: fc.nat(255),
        }),
        { maxLength: 6 },
      ),
    )
    .map(([bytes, changes]) => changes.reduce(change, bytes));

function change(bytes: Buffer, { at, how, by }: { at: number; how: string; by: number }): Buffer {
  const place = bytes.length === 0 ? 0 : at % bytes.length;
  const put = (piece: Buffer, over: number): Buffer =>
    Buffer.concat([bytes.subarray(0, place), piece, bytes.subarray(Math.min(bytes.length, place + over))]);
  switch (how) {
    case 'flip':
      return put(Buffer.from([(bytes[place] ?? 0) ^ by]), 1);
    case 'cut':
      return put(Buffer.alloc(0), by % 16);
    case 'double':
      return put(Buffer.concat([bytes.subarray(place, place + (by % 16)), Buffer.from([by])]), 0);
    case 'great':
      return put(Buffer.from([0x7f, 0xff, 0xff, 0xff]), 4);
    case 'small':
      return put(Buffer.from([0xff, 0xff, 0xff, 0xfe]), 4);
    default:
      return put(Buffer.from([0]), 1);
  }
}

describe('fuzz: decoders', () => {
  for (const kind of Object.keys(DECODERS))
    it(kind, () => {
      const own = CORPUS.filter((one) => one.kind === kind);
      assert.ok(own.length >= 2, 'nothing of that kind in the corpus');
      for (const { bytes } of own) DECODERS[kind]!(bytes);
      fc.assert(
        fc.property(mutated(kind), (bytes) => DECODERS[kind]!(bytes)),
        { seed, numRuns: RUNS },
      );
    });
});

describe('fuzz: analysis', () => {
  let analyser: OwnedAnalyser;
  before(async () => {
    const hmac = (secret: string | Uint8Array): Buffer => createHmac('sha256', 'k').update(secret).digest();
    analyser = await createAnalyser({ clock: createManualClock(), hmac });
  });
  after(() => analyser.close());

  it('says something of every text, and is none the worse for it', () => {
    const analyse = (bytes: Buffer): void => {
      const analysis = analyser.analyse(
        bytes.toString('utf8'),
        { searchPath: null, role: null, standardConformingStrings: true, clientEncoding: 'UTF8' },
        analyser.createSession(),
      );
      assert.ok(!(analysis instanceof Promise));
      assert.ok(analysis.statements >= 0 && Array.isArray(analysis.actions));
    };
    for (const { bytes } of CORPUS.filter(({ kind }) => kind === 'sql')) analyse(bytes);
    fc.assert(fc.property(mutated('sql'), analyse), { seed, numRuns: RUNS });
    analyse(Buffer.from('drop table x'));
  });
});

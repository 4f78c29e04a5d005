import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createCodec } from '../../codec.ts';
import { detectionToOcsf } from '../../ocsf/findings.ts';
import type { Detection } from '../../types.ts';
import { detectionToEcs } from '../detection.ts';
import { namedTechniques, techniqueLevels } from '../techniques.ts';
import { sampleRecords } from './sample-record.ts';

describe('ATT&CK techniques', () => {
  const detection = sampleRecords(createCodec('detection').schemaJson)[0]!.record as Detection;
  const cases = [
    { named: [], techniques: [], subtechniques: [], again: [] },
    { named: ['T1078'], techniques: ['T1078'], subtechniques: [], again: ['T1078'] },
    { named: ['T1078.004'], techniques: ['T1078'], subtechniques: ['T1078.004'], again: ['T1078.004'] },
    {
      named: ['T1552', 'T1078.004', 'T1078.002', 'T1552'],
      techniques: ['T1552', 'T1078'],
      subtechniques: ['T1078.004', 'T1078.002'],
      again: ['T1078.002', 'T1078.004', 'T1552'],
    },
    // The technique itself is said by its subtechnique.
    {
      named: ['T1078', 'T1078.004'],
      techniques: ['T1078'],
      subtechniques: ['T1078.004'],
      again: ['T1078.004'],
    },
  ];
  for (const { named, techniques, subtechniques, again } of cases)
    it(`are the same everywhere: ${named.join(' ') || 'none'}`, () => {
      assert.deepEqual(techniqueLevels(named), { techniques, subtechniques });
      assert.deepEqual(namedTechniques(techniques, subtechniques), again);
      const document = detectionToEcs({ ...detection, techniques: [...named] });
      assert.deepEqual(document['threat.technique.id'] ?? [], techniques);
      assert.deepEqual(document['threat.technique.subtechnique.id'] ?? [], subtechniques);
      assert.equal(document['threat.framework'], named.length > 0 ? 'MITRE ATT&CK' : undefined);
      const { attacks = [] } = (
        detectionToOcsf({ ...detection, techniques: [...named] }) as {
          finding_info?: { attacks?: { technique: { uid: string }; sub_technique?: { uid: string } }[] };
        }
      ).finding_info!;
      assert.deepEqual(
        attacks.map(({ technique, sub_technique: sub }) => sub?.uid ?? technique.uid),
        named,
      );
    });
});

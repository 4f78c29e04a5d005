import { confidence, createExperience, gain, startAgain, type Experience } from './support/cold-start.ts';
import { defineBaseline, NOTHING, severityOf } from './support/define-baseline.ts';
import { forgetRecent, isNew, learnItem, type KnownItems } from './support/known-items.ts';
import { createSpeech, worthSaying, type Speech } from './support/speech.ts';

const TOOLS_MAX = 64;

/** The client program as it declares itself. Easily forged, so that it weighs little. */
export const clientToolBaseline = defineBaseline<{ tools: KnownItems; known: Experience; said: Speech }>({
  name: 'client-tool',
  version: '1',
  createState: () => ({ tools: new Map(), known: createExperience(), said: createSpeech() }),
  onEvent(view, state, { mayLearn }) {
    const { client, time, body } = view.event;
    if (client === null) return NOTHING;
    const tool = client.tool === null || client.tool === '' ? '(none)' : client.tool.slice(0, 64);
    const sure = confidence(state.known, time, 30, 4);
    const fresh = sure > 0 && isNew(state.tools, tool, time);
    view.setFact('tool_new', fresh);
    if (body.kind !== 'session_opened' && body.kind !== 'request') return NOTHING;
    const risk = fresh ? Math.round(25 * sure) : 0;
    const speaks = worthSaying(state.said, risk, time);
    const usual = [...state.tools.keys()].slice(0, 3).join(', ');
    if (mayLearn) {
      gain(state.known, time);
      learnItem(state.tools, tool, time, TOOLS_MAX);
    } else if (forgetRecent(state.tools, time)) startAgain(state.known);
    if (!speaks) return NOTHING;
    return [
      {
        title: 'New client tool',
        severity: severityOf(risk),
        risk,
        reason: `client tool ${tool} is new; usual: ${usual}`,
        techniques: ['T1078'],
      },
    ];
  },
});

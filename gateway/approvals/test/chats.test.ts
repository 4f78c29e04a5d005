/** Calls of chats: the examples of Slack's and Teams' own documentation, and what must not be taken for one. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import { isFromSlack, isFromTeams, slackWord, teamsWord } from '../notify/callbacks.ts';

const ID = '01995b2e-3f7a-7c31-9d55-1f0a5b6c7d8e';

describe('calls from Slack', () => {
  // Slack: "Verifying requests from Slack", the worked example.
  const secret = '8f742231b10e8888abcd99yyyzzz85a5';
  const body = Buffer.from(
    'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c',
  );
  const headers = {
    'x-slack-request-timestamp': '1531420618',
    'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
  };
  const now = 1_531_420_618_000;

  it('are known by their signature', () => assert.ok(isFromSlack(headers, body, secret, now)));
  it('are refused where anything differs, or when they are played back', () => {
    for (const [shown, bytes, key, at] of [
      [headers, Buffer.from('x'), secret, now],
      [headers, body, `${secret}x`, now],
      [headers, body, secret, now + 301_000],
      [{ ...headers, 'x-slack-request-timestamp': '1531420619' }, body, secret, now],
      [{ ...headers, 'x-slack-request-timestamp': 'x' }, body, secret, now],
      [{}, body, secret, now],
    ] as const)
      assert.equal(isFromSlack(shown, bytes, key, at), false);
  });
  const pressed = (action: string, extra: object = {}): Buffer =>
    Buffer.from(
      new URLSearchParams({
        payload: JSON.stringify({
          type: 'block_actions',
          user: { id: 'U1' },
          actions: [{ action_id: action, value: ID }],
          ...extra,
        }),
      }).toString(),
    );
  it('say what was pressed by whom', () => {
    assert.deepEqual(slackWord(pressed('countersign_grant')), {
      approvalId: ID,
      granted: true,
      person: 'U1',
      reason: 'decided in Slack',
    });
    assert.equal(slackWord(pressed('countersign_refuse'))?.granted, false);
  });
  it('say nothing where the payload is something else', () => {
    for (const other of [
      pressed('open'),
      pressed('countersign_grant', { user: {} }),
      pressed('countersign_grant', { actions: [] }),
      Buffer.from('payload={'),
      Buffer.from(''),
    ])
      assert.equal(slackWord(other), undefined);
  });
});

describe('calls from Teams', () => {
  const token = Buffer.alloc(32, 7).toString('base64');
  const body = Buffer.from('{"type":"message"}');
  const signed = `HMAC ${createHmac('sha256', Buffer.alloc(32, 7)).update(body).digest('base64')}`;

  it('are known by their HMAC', () => {
    assert.ok(isFromTeams(signed, body, token));
    assert.equal(isFromTeams(signed, Buffer.from('{}'), token), false);
    assert.equal(isFromTeams(undefined, body, token), false);
  });
  const said = (text: string, from: object = { aadObjectId: 'aad-1' }): Buffer =>
    Buffer.from(JSON.stringify({ type: 'message', text, from }));
  it('say what was said by whom', () => {
    assert.deepEqual(teamsWord(said(`<at>Countersign</at>&nbsp;refuse ${ID} not today\n`)), {
      approvalId: ID,
      granted: false,
      person: 'aad-1',
      reason: 'not today',
    });
    assert.equal(teamsWord(said(`<at>Countersign</at> agree ${ID}`))?.reason, 'decided in Teams');
  });
  it('say nothing where it is something else', () => {
    for (const other of [said('hello'), said(`agree ${ID}`, { name: 'Ann' }), Buffer.from('{')])
      assert.equal(teamsWord(other), undefined);
  });
});

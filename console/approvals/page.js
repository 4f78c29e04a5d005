/**
 * The approver's page: who asks for what and why, what it would touch, and the decision with a second factor. It talks to the
 * control API only. The token stays in this tab (sessionStorage); nothing is ever put into the page as HTML.
 */
const TOKEN = 'countersign-token';
const main = document.getElementById('main');
const who = document.getElementById('who');
const leave = document.getElementById('leave');

/** An element with attributes and children; children that are no nodes become text. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}
const show = (...children) => main.replaceChildren(...children);
const token = () => sessionStorage.getItem(TOKEN);
const time = (ms) => new Date(ms).toLocaleString();

class Problem extends Error {
  constructor({ detail, hint, code }) {
    super(detail ?? 'The gateway did not answer.');
    this.hint = hint ?? '';
    this.code = code ?? '';
  }
}

async function call(method, path, body) {
  const headers = { accept: 'application/json' };
  if (token() !== null) headers.authorization = `Bearer ${token()}`;
  if (body !== undefined) headers['content-type'] = 'application/json';
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: 'omit',
    });
  } catch {
    throw new Problem({
      detail: 'The gateway cannot be reached.',
      hint: 'Look at your network, and try again.',
    });
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Problem(answer);
  return answer;
}

function problem(error) {
  if (!(error instanceof Problem) && error?.name === 'NotAllowedError')
    return make(
      'p',
      { class: 'error', role: 'alert' },
      'The security key was not used: it was cancelled, or took too long.',
    );
  const code = error.code ? ` [${error.code}]` : '';
  return make('p', { class: 'error', role: 'alert' }, `${error.message}${code} ${error.hint ?? ''}`);
}

/** Runs what a button does; its form is locked meanwhile, and what goes wrong is said below it. */
function attempt(form, work) {
  form.querySelector('[role=alert]')?.remove();
  const lock = (locked) => {
    for (const button of form.querySelectorAll('button')) button.disabled = locked;
  };
  lock(true);
  work().then(
    () => lock(false),
    (error) => {
      lock(false);
      form.append(problem(error));
    },
  );
}

function signIn(next) {
  const input = make('input', { type: 'password', autocomplete: 'off', required: true, id: 'token' });
  const form = make(
    'form',
    {
      onsubmit(event) {
        event.preventDefault();
        attempt(form, async () => {
          sessionStorage.setItem(TOKEN, input.value.trim());
          try {
            await begin();
          } catch (error) {
            sessionStorage.removeItem(TOKEN);
            throw error;
          }
          next();
        });
      },
    },
    make('label', {}, 'Your token', input),
    make('div', { class: 'row' }, make('button', {}, 'Sign in')),
    make('p', { class: 'soft' }, 'The token that countersign login gave you. It stays in this tab.'),
  );
  show(make('h1', {}, 'Sign in'), form);
  input.focus();
}

async function begin() {
  const { subject } = await call('GET', '/v1/whoami');
  who.textContent = subject;
  leave.hidden = false;
}
leave.addEventListener('click', () => {
  sessionStorage.removeItem(TOKEN);
  location.assign('/approvals');
});

const asks = (approval) =>
  approval.grant === null
    ? (approval.shown?.actions.join(', ') ?? '')
    : `${approval.grant.name} for ${Math.round(approval.grant.durationMs / 60000)} min`;

async function list() {
  const { items } = await call('GET', '/v1/approvals?limit=100');
  const rows = items.map((one) =>
    make(
      'tr',
      {},
      make('td', { class: `state-${one.state}` }, one.state),
      make(
        'td',
        {},
        make(
          'a',
          { href: `/approvals/${encodeURIComponent(one.approvalId)}` },
          one.identityName || one.identityId,
        ),
      ),
      make('td', {}, one.connection),
      make('td', {}, asks(one)),
      make('td', {}, time(one.requestedAt)),
    ),
  );
  const heads = ['State', 'Who', 'Connection', 'What', 'When'].map((title) => make('th', {}, title));
  show(
    make('h1', {}, 'Approvals'),
    rows.length === 0
      ? make('p', { class: 'soft' }, 'Nothing waits for you.')
      : make('table', {}, make('thead', {}, make('tr', {}, ...heads)), make('tbody', {}, ...rows)),
  );
}

function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== '');
  return make(
    'dl',
    {},
    ...shown.flatMap(([name, value]) => [
      make('dt', {}, name),
      value instanceof Node ? make('dd', {}, value) : make('dd', {}, String(value)),
    ]),
  );
}

function describe(approval) {
  const { shown, demand } = approval;
  const needs = `${demand.approvals === 1 ? 'one person' : `${demand.approvals} persons`}${demand.groups.length > 0 ? ` of ${demand.groups.join(', ')}` : ''}${demand.secondFactor ? ', with a second factor' : ''}`;
  return [
    facts([
      ['State', make('span', { class: `state-${approval.state}` }, approval.state)],
      [
        'Who',
        `${approval.identityName} (${approval.identityId}, ${approval.identityKind.replace('_', ' ')})`,
      ],
      ['On behalf of', approval.principals.join(', ')],
      ['Groups', approval.groups.join(', ')],
      ['Credential source', approval.credentialSource],
      ['From', approval.ip],
      ['Connection', approval.connection],
      ['Target', [approval.protocol, approval.host, approval.database].filter(Boolean).join(' · ')],
      ['As', approval.role],
      ['Why it is asked', `${approval.reason}${approval.rule === null ? '' : ` (rule ${approval.rule})`}`],
      ['What the requester says', approval.statedReason ?? 'nothing'],
      ['Ticket', approval.ticket],
      ['Needs', needs],
      ['Asked', time(approval.requestedAt)],
      ['Ends undecided', approval.state === 'pending' ? time(approval.expiresAt) : null],
      [
        'Opens',
        approval.scope === 'statement'
          ? 'this statement, once'
          : approval.scope === 'session'
            ? 'what this rule holds, for the rest of the session'
            : `access for ${Math.round(demand.validMs / 60000)} min`,
      ],
    ]),
    shown === null ? null : make('h2', {}, 'The command'),
    shown === null ? null : make('pre', {}, shown.text),
    shown === null
      ? facts([
          ['Allows', approval.grant.actions.join(', ')],
          ['On', approval.grant.objects.join(', ') || 'everything there'],
          ['Roles at the target', approval.grant.targetRoles?.join(', ')],
        ])
      : facts([
          ['Does', shown.actions.join(', ') || 'nothing that is known'],
          ['Risk', make('span', { class: `risk-${shown.risk}` }, shown.risk)],
          ['Touches', shown.impact.join('; ')],
        ]),
    ...approval.words.map((word) =>
      make(
        'p',
        { class: word.granted ? 'done' : 'error' },
        `${word.by} ${word.granted ? 'agreed' : 'refused'}${word.factor === null ? '' : ` (${word.factor})`} at ${time(word.at)}: ${word.reason}`,
      ),
    ),
    approval.endReason === null
      ? null
      : make('p', { class: 'error' }, `${approval.endedBy}: ${approval.endReason}`),
  ];
}

const usesKeys = () =>
  typeof PublicKeyCredential === 'function' && 'parseRequestOptionsFromJSON' in PublicKeyCredential;

async function keyFactor(path) {
  const options = await call('POST', `${path}/challenge`);
  const credential = await navigator.credentials.get({
    publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options),
  });
  return { kind: 'webauthn', response: credential.toJSON() };
}

async function one(approvalId) {
  const path = `/v1/approvals/${encodeURIComponent(approvalId)}`;
  const approval = await call('GET', path);
  const head = [
    make('p', {}, make('a', { href: '/approvals' }, 'All approvals')),
    make('h1', {}, `${asks(approval) || 'A command'} on ${approval.connection}`),
    ...describe(approval),
  ];
  if (approval.state !== 'pending') {
    show(...head.filter(Boolean));
    return;
  }
  const reason = make('textarea', { required: true, rows: 2, maxlength: 2000, id: 'reason' });
  const code = make('input', {
    inputmode: 'numeric',
    pattern: '[0-9]{6}',
    autocomplete: 'one-time-code',
    id: 'code',
  });
  const decide = (granted, factor) =>
    attempt(form, async () => {
      if (!reason.reportValidity() || (factor === 'code' && (code.value === '' || !code.reportValidity()))) {
        code.focus();
        return;
      }
      const proof =
        factor === 'key'
          ? await keyFactor(path)
          : factor === 'code'
            ? { kind: 'totp', code: code.value }
            : undefined;
      await call('POST', `${path}/decide`, {
        granted,
        reason: reason.value,
        ...(proof === undefined ? {} : { factor: proof }),
      });
      await one(approvalId);
    });
  const button = (label, kind, id, act) =>
    make('button', { type: 'button', class: kind, id, onclick: act }, label);
  const { secondFactor } = approval.demand;
  const form = make(
    'form',
    { onsubmit: (event) => event.preventDefault() },
    make('label', {}, 'Why you agree or refuse', reason),
    secondFactor ? make('label', {}, 'One-time code, where you use no security key', code) : null,
    make(
      'div',
      { class: 'row' },
      secondFactor && usesKeys()
        ? button('Agree with security key', 'go', 'agree-key', () => decide(true, 'key'))
        : null,
      secondFactor
        ? button('Agree with code', 'go', 'agree-code', () => decide(true, 'code'))
        : button('Agree', 'go', 'agree', () => decide(true)),
      button('Refuse', 'stop', 'refuse', () => decide(false)),
    ),
  );
  show(...[...head, form].filter(Boolean));
}

function enrol(code) {
  const name = make('input', { required: true, maxlength: 100, value: 'security key', id: 'name' });
  const area = make('div', { id: 'codes' });
  const finished = ({ identityId }) =>
    show(
      make('h1', {}, 'Enrolled'),
      make(
        'p',
        { class: 'done' },
        `The second factor of ${identityId} is set up. This invitation is used up.`,
      ),
    );
  const key = () =>
    attempt(form, async () => {
      const options = await call('POST', '/v1/second-factors/key/begin', { code });
      const credential = await navigator.credentials.create({
        publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options),
      });
      finished(
        await call('POST', '/v1/second-factors/key/finish', {
          code,
          name: name.value,
          response: credential.toJSON(),
        }),
      );
    });
  const codes = () =>
    attempt(form, async () => {
      const { uri, secret } = await call('POST', '/v1/second-factors/codes/begin', { code });
      const oneTime = make('input', {
        inputmode: 'numeric',
        pattern: '[0-9]{6}',
        required: true,
        id: 'one-time',
      });
      area.replaceChildren(
        make(
          'p',
          {},
          'Put this secret into your authenticator app (',
          make('a', { href: uri }, 'open it there'),
          '), then type the code that it shows.',
        ),
        make('pre', { id: 'secret' }, secret),
        make('label', {}, 'Code', oneTime),
        make(
          'button',
          {
            type: 'button',
            class: 'go',
            id: 'confirm',
            onclick: () =>
              attempt(form, async () =>
                finished(
                  await call('POST', '/v1/second-factors/codes/finish', { code, oneTime: oneTime.value }),
                ),
              ),
          },
          'Confirm',
        ),
      );
    });
  const form = make(
    'form',
    { onsubmit: (event) => event.preventDefault() },
    usesKeys() ? make('label', {}, 'Name of the key', name) : null,
    make(
      'div',
      { class: 'row' },
      usesKeys()
        ? make(
            'button',
            { type: 'button', class: 'go', id: 'enrol-key', onclick: key },
            'Enrol a security key or passkey',
          )
        : null,
      make('button', { type: 'button', id: 'enrol-codes', onclick: codes }, 'Enrol one-time codes'),
    ),
    area,
  );
  show(
    make('h1', {}, 'Enrol a second factor'),
    make('p', {}, 'With it you decide approvals. This invitation works once.'),
    form,
  );
}

function route() {
  const [, , place] = location.pathname.split('/');
  // What stands in the fragment goes to no server; it is taken out of the history at once.
  const secret = location.hash.slice(1);
  if (secret !== '') history.replaceState(null, '', location.pathname);
  if (place === 'enrol') {
    enrol(secret);
    return;
  }
  if (secret !== '') sessionStorage.setItem(TOKEN, secret);
  const next = () =>
    (place === undefined || place === '' ? list() : one(decodeURIComponent(place))).catch((error) =>
      show(problem(error)),
    );
  if (token() === null) signIn(next);
  else
    begin().then(next, (error) => {
      sessionStorage.removeItem(TOKEN);
      signIn(next);
      main.append(problem(error));
    });
}
route();

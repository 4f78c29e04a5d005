import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createReloadableDirectory, EMPTY_DIRECTORY } from '../directory/directory.ts';

const GOOD = `people:
  - subject: ada
    left: 2026-05-01
    timeZone: Europe/Berlin
accounts:
  - subject: ci-deploy
    owner: ada
connections:
  - name: orders-db
    timeZone: Asia/Kolkata
`;

describe('detectors: directory', () => {
  it('finds leavers, owners and time zones by id or subject', () => {
    const directory = createReloadableDirectory();
    assert.deepEqual(directory.reload('people.yaml', GOOD), []);
    assert.equal(directory.leftAt('https://idp.example/ada'), Date.UTC(2026, 4, 1));
    assert.equal(directory.leftAt('https://idp.example/grace'), undefined);
    assert.equal(directory.ownerOf('https://ci.example/ci-deploy'), 'ada');
    assert.equal(directory.timeZoneOf('https://idp.example/ada', 'orders-db'), 'Europe/Berlin');
    assert.equal(directory.timeZoneOf(null, 'orders-db'), 'Asia/Kolkata');
    assert.equal(directory.timeZoneOf(null, null), 'UTC');
    assert.equal(directory.timeZoneOf('x/ada', 'orders-db', 'Asia/Tokyo'), 'Europe/Berlin');
    assert.equal(directory.timeZoneOf('x/bob', 'orders-db', 'Asia/Tokyo'), 'Asia/Tokyo');
    assert.equal(directory.timeZoneOf('x/bob', 'orders-db', 'Moon/Base'), 'Asia/Kolkata');
    assert.equal(EMPTY_DIRECTORY.timeZoneOf('x/bob', 'orders-db', 'Asia/Tokyo'), 'Asia/Tokyo');
    assert.equal(EMPTY_DIRECTORY.timeZoneOf('x/bob', 'orders-db', 'Moon/Base'), 'UTC');
  });

  it('names file and line of a mistake and keeps what was there', () => {
    const directory = createReloadableDirectory();
    directory.reload('people.yaml', GOOD);
    assert.match(
      directory.reload('people.yaml', GOOD.replace('2026-05-01', 'maybe')).join(),
      /people\.yaml:3: people\.left/,
    );
    assert.match(
      directory.reload('people.yaml', GOOD.replace('Asia/Kolkata', 'Moon/Base')).join(),
      /people\.yaml:10: .*no time zone/,
    );
    assert.match(
      directory.reload('people.yaml', GOOD.replace('owner: ada', 'boss: ada')).join(),
      /people\.yaml:7: /,
    );
    assert.equal(directory.leftAt('ada'), Date.UTC(2026, 4, 1));
  });
});

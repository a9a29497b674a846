import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ROLES, rolesFault } from '../../config/roles.ts';

test('distributed processes take any roles, the embedded one takes all', () => {
  for (const role of ROLES) assert.equal(rolesFault('distributed', [role]), null);
  assert.equal(rolesFault('embedded', ROLES), null);
  assert.equal(rolesFault('embedded', ['serve', 'core', 'ingest']), null);
});

test('roles that the embedded process would leave out are named, with what to type instead', () => {
  const fault = rolesFault('embedded', ['core']);
  assert.match(fault?.message ?? '', /ingest and serve would be nobody's/);
  assert.match(fault?.hint ?? '', /without --roles, or mode: distributed/);
});

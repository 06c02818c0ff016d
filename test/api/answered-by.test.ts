import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { API_PATHS, answeredBy } from '../../src/api/answered-by.ts';
import { CONTROLLER_ROUTES } from '../../src/controller/controller-routes.ts';
import { HOST_ROUTES } from '../../src/host/listings/api-routes.ts';

const test = suite('API: who answers');

const keysOf = (routes: readonly { method: string; path: readonly string[] }[]): Set<string> =>
  new Set(routes.map(({ method, path }) => `${method} /${path.join('/')}`));

test('every path of the table has an answer where the table says', () => {
  const hosts = keysOf(HOST_ROUTES);
  const controllers = keysOf(CONTROLLER_ROUTES);
  for (const [key, by] of Object.entries(API_PATHS)) {
    assert.is(controllers.has(key), by !== 'host', `${key} at a controller`);
    assert.is(hosts.has(key), by === 'host' || by === 'process' || by === 'listing', `${key} at a host`);
  }
  assert.is(controllers.size, Object.values(API_PATHS).filter((by) => by !== 'host').length);
});

test('values in a path are any; another method is answered where the path is, another length nowhere', () => {
  const by = (method: string, path: string) => answeredBy({ method, path: path.split('/').slice(1) });
  assert.is(by('GET', '/v1/groups/api'), 'listing');
  assert.is(by('POST', '/v1/groups/api/members/a/drain'), 'controller');
  assert.is(by('GET', '/v1/vms'), 'controller');
  assert.is(by('GET', '/v1/groups/api/watch'), 'stream');
  assert.is(by('DELETE', '/v1/status'), 'process');
  assert.is(by('GET', '/v1/groups/api/members'), 'controller');
  assert.is(by('GET', '/v1/groups/api/members/a/b/c'), undefined);
});

test.run();

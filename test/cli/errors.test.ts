import { CommanderError } from 'commander';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ApiFailure, path } from '../../src/cli/api-client.ts';
import { exitCodeOf } from '../../src/cli/errors.ts';
import { ConfigError } from '../../src/config/problems/problems.ts';

const errors = suite('errors');

errors('exit codes: 1 failed, 2 wrong usage or configuration', () => {
  assert.is(exitCodeOf(new CommanderError(0, 'commander.helpDisplayed', '')), 0);
  assert.is(exitCodeOf(new CommanderError(1, 'commander.unknownOption', '')), 2);
  assert.is(exitCodeOf(new ConfigError('x.yaml', [])), 2);
  assert.is(exitCodeOf(new ApiFailure(400, { error: 'wrong weight' })), 2);
  for (const status of [404, 409, 500]) assert.is(exitCodeOf(new ApiFailure(status, { error: '' })), 1);
  assert.is(exitCodeOf(new Error('anything')), 1);
});

errors('what the host says is wrong is told problem by problem', () => {
  const failure = new ApiFailure(400, {
    error: 'the member does not fit group api',
    problems: [
      { path: 'weight', found: '-1', expected: 'an integer from 0 to 65535' },
      { path: 'address', found: '"fd00::1", which is IPv6', expected: 'an IPv4 address, as the VIP' },
    ],
  });
  assert.is(
    failure.message,
    'the member does not fit group api\n' +
      '  weight: found -1, expected an integer from 0 to 65535\n' +
      '  address: found "fd00::1", which is IPv6, expected an IPv4 address, as the VIP',
  );
});

errors('names are escaped in paths', () => {
  assert.is(path`/v1/groups/${'a/b c'}/members/${'ä'}`, '/v1/groups/a%2Fb%20c/members/%C3%A4');
});

errors.run();

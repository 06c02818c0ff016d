// In the shells themselves, with their own completion machinery.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { completionScript } from '../../src/cli/completion.ts';
import { createProgram } from '../../src/cli/program.ts';

const test = suite('shell completion');

const program = createProgram();

/** What bash would offer at the end of `line`. */
function inBash(line: string): string[] {
  const words = line.split(' ');
  const script = `${completionScript(program, 'bash')}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
_sluice; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split('\n');
}

test('bash: commands, subcommands, options, and the values of an option', () => {
  assert.equal(inBash('sluice mem'), ['member']);
  assert.equal(inBash('sluice -o json member dr'), ['drain']);
  assert.equal(inBash('sluice member drain api app1 --dead'), ['--deadline']);
  assert.equal(inBash('sluice flows -o '), ['table', 'wide', 'json', 'yaml']);
  assert.ok(inBash('sluice up --').includes('--detach'));
});

test('bash: every command of the program is offered', () => {
  const offered = inBash('sluice ');
  for (const command of program.commands) assert.ok(offered.includes(command.name()), command.name());
});

test('zsh: Tab completes the same words on its command line', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-completion-'));
  try {
    writeFileSync(join(directory, 'completion.zsh'), completionScript(program, 'zsh'));
    // A second zsh on a terminal of its own; the first types and reads until the completed word is there.
    const script = `zmodload zsh/zpty
zpty typed 'TERM=dumb zsh -f -i'
zpty -w typed "cd ${directory}; autoload -Uz compinit; compinit -D -u; source ./completion.zsh; print rea''dy"
zpty -r -m typed line '*ready*' && zpty -w -n typed $'sluice member dr\\t'
zpty -r -m typed line '*drain*' && print -r -- "$line"`;
    const line = execFileSync('zsh', ['-f', '-c', script], { encoding: 'utf8', timeout: 60_000 });
    assert.match(line, 'drain');
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('fish: the same words', () => {
  const script = `${completionScript(program, 'fish')}\ncomplete -C 'sluice member dr'`;
  const offered = execFileSync('fish', ['--no-config', '-c', script], { encoding: 'utf8' });
  assert.match(offered, /^drain\t/m);
});

test.run();

/** The whole command line: global options here, each command in its own file. */
import { Command } from 'commander';
import { VERSION } from '../api/version.ts';
import { addAgentList } from './commands/agent-list.ts';
import { addCompletion } from './commands/completion.ts';
import { addConfigCheck } from './commands/config-check.ts';
import { addConfigReference } from './commands/config-reference.ts';
import { addConfigSchema } from './commands/config-schema.ts';
import { addController } from './commands/controller.ts';
import { addDown } from './commands/down.ts';
import { addFlows } from './commands/flows.ts';
import { addGroupList } from './commands/group-list.ts';
import { addGroupShow } from './commands/group-show.ts';
import { addGroupWatch } from './commands/group-watch.ts';
import { addMemberAdd } from './commands/member-add.ts';
import { addMemberDrain } from './commands/member-drain.ts';
import { addMemberFail } from './commands/member-fail.ts';
import { addMemberRemove } from './commands/member-remove.ts';
import { addMemberWeight } from './commands/member-weight.ts';
import { addPolicySet } from './commands/policy-set.ts';
import { addPolicyShow } from './commands/policy-show.ts';
import { addPortList } from './commands/port-list.ts';
import { addReload } from './commands/reload.ts';
import { addReplay } from './commands/replay.ts';
import { addRuleList } from './commands/rule-list.ts';
import { addScale } from './commands/scale.ts';
import { addStats } from './commands/stats.ts';
import { addStatus } from './commands/status.ts';
import { addTlsInit } from './commands/tls-init.ts';
import { addUp } from './commands/up.ts';
import { addVmList } from './commands/vm-list.ts';
import { outputOption, runDirOption } from './settings.ts';

export function createProgram(): Command {
  const program = new Command('sluice')
    .description("A load balancer in every VM's egress path.")
    .version(VERSION, '-V, --version')
    .addOption(outputOption())
    .addOption(runDirOption())
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(--help tells more)')
    .exitOverride()
    .addHelpText(
      'after',
      `
Examples:
  $ sluice config check -c sluice.yaml      every problem of a configuration at once
  $ sluice up -c sluice.yaml --detach       start the host; returns when traffic can flow
  $ sluice group show api                   members, their weights and loads
  $ sluice member drain api app2 --deadline 5m
  $ sluice flows --group api -o json
  $ sluice down

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.`,
    );

  addUp(program);
  addController(program);
  addDown(program);
  addReload(program);
  addStatus(program);

  const config = program.command('config').description('check configurations, describe their format');
  addConfigCheck(config);
  addConfigSchema(config);
  addConfigReference(config);

  addPortList(program.command('port').description('ports of the VMs'));

  const group = program.command('group').description('destination groups');
  addGroupList(group);
  addGroupShow(group);
  addGroupWatch(group);

  const policy = program.command('policy').description('how the weights of a group follow its load');
  addPolicyShow(policy);
  addPolicySet(policy);

  addRuleList(program.command('rule').description('rules, as each load balancer has them'));

  const member = program.command('member').description('change the members of a group, now');
  addMemberAdd(member);
  addMemberWeight(member);
  addMemberDrain(member);
  addMemberFail(member);
  addMemberRemove(member);

  addAgentList(program.command('agent').description('hosts that are attached to a controller'));
  addScale(program);
  addVmList(program.command('vm').description('instances that the VM manager has started'));
  addFlows(program);
  addStats(program);
  addReplay(program);

  addTlsInit(program.command('tls').description('certificates for agents and controllers'));
  addCompletion(program);
  return program;
}

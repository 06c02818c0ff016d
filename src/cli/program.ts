/** The whole command line: global options here, each command in its own file. */
import { Command } from 'commander';
import { VERSION } from '../api/version.ts';
import { addConfigCheck } from './commands/config/config-check.ts';
import { addConfigReference } from './commands/config/config-reference.ts';
import { addConfigSchema } from './commands/config/config-schema.ts';
import { addAgentForget } from './commands/fleet/agent-forget.ts';
import { addAgentList } from './commands/fleet/agent-list.ts';
import { addTlsInit } from './commands/fleet/tls-init.ts';
import { addVmList } from './commands/fleet/vm-list.ts';
import { addChainShow } from './commands/group/chain-show.ts';
import { addGroupList } from './commands/group/group-list.ts';
import { addGroupReset } from './commands/group/group-reset.ts';
import { addGroupShow } from './commands/group/group-show.ts';
import { addGroupWatch } from './commands/group/group-watch.ts';
import { addPolicySet } from './commands/group/policy-set.ts';
import { addPolicyShow } from './commands/group/policy-show.ts';
import { addScale } from './commands/group/scale.ts';
import { addEvents } from './commands/listing/events.ts';
import { addFirewallList } from './commands/listing/firewall-list.ts';
import { addFlows } from './commands/listing/flows.ts';
import { addPortList } from './commands/listing/port-list.ts';
import { addRouterList } from './commands/listing/router-list.ts';
import { addRuleList } from './commands/listing/rule-list.ts';
import { addStats } from './commands/listing/stats.ts';
import { addTop } from './commands/listing/top.ts';
import { addMemberAdd } from './commands/member/member-add.ts';
import { addMemberCancel } from './commands/member/member-cancel.ts';
import { addMemberDrain } from './commands/member/member-drain.ts';
import { addMemberFail } from './commands/member/member-fail.ts';
import { addMemberRemove } from './commands/member/member-remove.ts';
import { addMemberReset } from './commands/member/member-reset.ts';
import { addMemberWeight } from './commands/member/member-weight.ts';
import { addController } from './commands/process/controller.ts';
import { addDiff } from './commands/process/diff.ts';
import { addDown } from './commands/process/down.ts';
import { addReload } from './commands/process/reload.ts';
import { addStatus } from './commands/process/status.ts';
import { addUp } from './commands/process/up.ts';
import { addCapture } from './commands/tool/capture.ts';
import { addCompletion } from './commands/tool/completion.ts';
import { addReplay } from './commands/tool/replay.ts';
import { addTrace } from './commands/tool/trace.ts';
import { outputOption, runDirOption } from './settings.ts';

export function createProgram(): Command {
  const program = new Command('sluice')
    .description("A load balancer in every VM's egress path.")
    .version(VERSION, '-V, --version')
    .addOption(outputOption())
    .addOption(runDirOption())
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(run with --help for usage)')
    .exitOverride()
    .addHelpText(
      'after',
      `
Examples:
  $ sluice config check -c sluice.yaml      report all problems of a configuration
  $ sluice up -c sluice.yaml --detach       start the host; return when traffic can flow
  $ sluice group show api                   members with their weights and loads
  $ sluice member drain api app2 --deadline 5m
  $ sluice flows --group api -o json
  $ sluice down

Signals to a running host or controller: SIGTERM and SIGINT stop it, SIGHUP reloads the configuration file.

Exit codes: 0 success, 1 failure, 2 wrong usage or configuration, 3 changed, but not confirmed by all hosts.`,
    );

  addUp(program);
  addController(program);
  addDown(program);
  addReload(program);
  addDiff(program);
  addStatus(program);

  const config = program.command('config').description('check a configuration, describe its format');
  addConfigCheck(config);
  addConfigSchema(config);
  addConfigReference(config);

  addPortList(program.command('port').description('ports of the VMs'));

  const group = program.command('group').description('destination groups');
  addGroupList(group);
  addGroupShow(group);
  addGroupWatch(group);
  addGroupReset(group);

  const policy = program.command('policy').description('policies, by which weights follow the load');
  addPolicyShow(policy);
  addPolicySet(policy);

  addChainShow(program.command('chain').description('service chains: middleboxes on the way to a group'));
  addFirewallList(program.command('firewall').description('stateful firewalls in the chains of ports'));
  addRouterList(program.command('router').description('logical routers between networks'));
  addRuleList(program.command('rule').description('rules in force'));

  const member = program.command('member').description('change the members of a running group');
  addMemberAdd(member);
  addMemberWeight(member);
  addMemberCancel(member);
  addMemberDrain(member);
  addMemberFail(member);
  addMemberRemove(member);
  addMemberReset(member);

  const agent = program.command('agent').description('agents of the hosts that attach to a controller');
  addAgentList(agent);
  addAgentForget(agent);
  addScale(program);
  addVmList(program.command('vm').description('VMs started from templates'));
  addFlows(program);
  addStats(program);
  addTop(program);
  addEvents(program);
  addCapture(program);
  addReplay(program);
  addTrace(program);

  addTlsInit(program.command('tls').description('certificates for agents and controllers'));
  addCompletion(program);
  return program;
}

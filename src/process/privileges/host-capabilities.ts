/**
 * Capabilities that root keeps as a host, and passes on to the programs that it runs: ip(8), probers, and commands of
 * VMs. Also listed in docs/threat-model.md; test/e2e/privileges compares the list with running processes.
 */
import type { Capability } from '../../native/processes/privileges.ts';

/** The host's own needs. */
const OWN = [
  'NET_ADMIN', // TAPs, addresses and links in VMs' namespaces
  'NET_RAW', // packet sockets of uplinks, a prober's echo requests
  'SYS_ADMIN', // to enter and name namespaces (setns, mounts of ip-netns(8))
  'SYS_PTRACE', // to find the processes of a namespace, and to copy the previous host's TAP descriptors
  'KILL', // to end processes of other users in a VM
  'SETUID', // commands of VMs and probers run as other users
  'SETGID',
  'SETPCAP', // to take capabilities from them
  'DAC_OVERRIDE', // a configuration or run directory in a user's directory
  'IPC_LOCK', // rings of io_uring
] as const;

/** Capabilities that servers started by root usually need, for commands of VMs. */
const OF_VMS = ['CHOWN', 'FOWNER', 'FSETID', 'NET_BIND_SERVICE', 'SYS_CHROOT'] as const;

export const HOST_CAPABILITIES: readonly Capability[] = [...OWN, ...OF_VMS];

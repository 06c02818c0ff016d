/** Idle timeouts of connection records by their state. */
import { STATE, STATE_NAMES } from './connection-record.ts';

/** Milliseconds. */
export interface IdleSettings {
  readonly tcpEstablishedIdleMs: number;
  /** TCP in any other state. */
  readonly tcpTransitoryIdleMs: number;
  /** Datagrams and echo; a group may have its own. */
  readonly udpIdleMs: number;
}

/** By state. */
export function idleTimeoutsMs(settings: IdleSettings): Int32Array {
  const timeouts = new Int32Array(STATE_NAMES.length).fill(settings.tcpTransitoryIdleMs);
  timeouts[STATE.established] = settings.tcpEstablishedIdleMs;
  timeouts[STATE.unreplied] = settings.udpIdleMs;
  timeouts[STATE.replied] = settings.udpIdleMs;
  return timeouts;
}

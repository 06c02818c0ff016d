/**
 * UDP ports of DHCP (RFC 2131 §4.1) and DHCPv6 (RFC 8415 §7.2). Messages to a client's port come from a server or a
 * relay: clients only send to a server's port.
 */
export const SERVER_PORT = 67;
export const CLIENT_PORT = 68;
export const V6_CLIENT_PORT = 546;

/** Whether a datagram to this port is for a DHCP client of either family. */
export const isClientPort = (port: number): boolean => port === CLIENT_PORT || port === V6_CLIENT_PORT;

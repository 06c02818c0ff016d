/** Figures as people read them. */

const STEPS = ['', 'k', 'M', 'G', 'T', 'P'] as const;

/** Three digits and a decimal prefix: `1.24 M`; below 1000 whole numbers as they are. */
export function short(value: number): string {
  let [step, scaled] = [0, value];
  while (scaled >= 999.5 && step < STEPS.length - 1) {
    scaled /= 1000;
    step++;
  }
  if (step === 0) return String(Math.round(scaled));
  const digits = scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
  return `${scaled.toFixed(digits)} ${STEPS[step]}`;
}

/** Bytes per second as bits per second, as links are measured. */
export const bitRate = (bytesPerSecond: number): string => {
  const text = short(bytesPerSecond * 8);
  return /[A-Z]|k/.test(text) ? `${text}bit/s` : `${text} bit/s`;
};

export const perSecond = (rate: number): string => `${short(rate)}/s`;

/** `3 d 4 h`, `5 min 2 s`: the two largest units. */
export function duration(ms: number): string {
  const units: [string, number][] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ];
  const first = units.findIndex(([, unit]) => ms >= unit);
  if (first < 0) return '0 s';
  let rest = ms;
  const parts: string[] = [];
  for (const [name, unit] of units.slice(first, first + 2)) {
    const count = Math.floor(rest / unit);
    rest -= count * unit;
    if (count > 0) parts.push(`${count} ${name}`);
  }
  return parts.join(' ');
}

/** `1 member`, `2 members` */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Address and port; IPv6 in brackets. */
export function endpoint(address: string, port: number | string | null): string {
  if (port === null) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** VIPs with the ports that they listen on: `10.1.0.100:80`, `10.1.0.100 ports 80, 8000-8100`. */
export function listening(vips: readonly string[], ports: readonly string[]): string {
  if (ports.length === 1) return vips.map((vip) => endpoint(vip, ports[0]!)).join(' ');
  return ports.length === 0 ? vips.join(' ') : `${vips.join(' ')} ports ${ports.join(', ')}`;
}

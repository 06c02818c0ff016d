/** Weights that differ between load balancers: lines under a table of members. */
interface Weighted {
  readonly host?: string;
  readonly loadBalancer: string;
  readonly weight: number;
}

/** `-o json` shows more. */
const MAX_LINES = 8;

/** `b: weight 2 at web1, web2`, by member and weight. */
export function differingWeights(
  members: readonly { readonly member: string; readonly differing: readonly Weighted[] }[],
): string {
  const lines = members.flatMap(({ member, differing }) => {
    const byWeight = new Map<number, string[]>();
    for (const { host, loadBalancer, weight } of differing) {
      const where = [host, loadBalancer === '*' ? 'others' : loadBalancer].filter(Boolean).join(' ');
      byWeight.set(weight, [...(byWeight.get(weight) ?? []), where]);
    }
    return [...byWeight].map(([weight, at]) => `${member}: weight ${weight} at ${placesText(at)}\n`);
  });
  const hidden = lines.length - MAX_LINES;
  const rest = hidden > 0 ? `${hidden} more with -o json\n` : '';
  return `${lines.slice(0, MAX_LINES).join('')}${rest}`;
}

const MAX_PLACES = 6;

const placesText = (places: readonly string[]): string =>
  places.length <= MAX_PLACES
    ? places.join(', ')
    : `${places.slice(0, MAX_PLACES).join(', ')} and ${places.length - MAX_PLACES} more`;

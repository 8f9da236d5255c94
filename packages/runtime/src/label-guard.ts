/** The values that a label may have: either a list, or a maximum number of different values. */
export type Bound = readonly string[] | { readonly atMost: number };

/**
 * Keeps a metric's labels within their bounds, so that clients cannot make the metric grow without limit. Any other
 * value becomes "other".
 */
export function createLabelGuard(bounds: Readonly<Record<string, Bound>>) {
  const listed = new Map<string, ReadonlySet<string>>();
  const counted = new Map<string, { readonly atMost: number; readonly seen: Set<string> }>();
  for (const [label, bound] of Object.entries(bounds)) {
    if ("atMost" in bound) counted.set(label, { atMost: bound.atMost, seen: new Set() });
    else listed.set(label, new Set(bound));
  }

  function isWithin(label: string, value: string): boolean {
    const values = listed.get(label);
    if (values) return values.has(value);
    const { atMost, seen } = counted.get(label)!;
    if (seen.has(value)) return true;
    if (seen.size >= atMost) return false;
    seen.add(value);
    return true;
  }

  return {
    admit: (labels: Readonly<Record<string, string>>): Record<string, string> =>
      Object.fromEntries(
        Object.entries(labels).map(([label, value]) => [label, isWithin(label, value) ? value : "other"]),
      ),
    /** Forgets the values seen so far. */
    forget: (): void => {
      for (const { seen } of counted.values()) seen.clear();
    },
  };
}

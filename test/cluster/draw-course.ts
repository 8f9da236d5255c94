export interface Moment {
  readonly seconds: number;
  readonly workers: number;
  readonly stored: number;
}

const [left, right, top, bottom] = [60, 580, 20, 240];
const [storedColour, workersColour] = ["#3f83d8", "#c2780c"];

/**
 * Draws how the number of workers followed a backlog, as SVG: stored messages on the left axis, workers on the right.
 */
export function drawCourse(course: readonly Moment[], total: number): string {
  const end = Math.ceil(Math.max(...course.map(({ seconds }) => seconds)) / 30) * 30;
  const maximum = Math.max(...course.map(({ workers }) => workers));
  const x = (seconds: number) => (left + ((right - left) * seconds) / end).toFixed(1);
  const y = (part: number) => (bottom - (bottom - top) * part).toFixed(1);
  const ofWorkers = (workers: number) => y(workers / (maximum + 1));
  const step = end > 240 ? 60 : 30;

  const lines = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const label = `${Math.round((total * part) / 1000)}k`;
    return `<line x1="${left}" x2="${right}" y1="${y(part)}" y2="${y(part)}" stroke="#8886"/><text x="${left - 6}" y="${Number(y(part)) + 4}" text-anchor="end" fill="${storedColour}">${label}</text>`;
  });
  const workers = Array.from(
    { length: maximum + 1 },
    (_, count) => `<text x="${right + 6}" y="${Number(ofWorkers(count)) + 4}" fill="${workersColour}">${count}</text>`,
  );
  const times = Array.from(
    { length: end / step + 1 },
    (_, index) => `<text x="${x(index * step)}" y="${bottom + 18}" text-anchor="middle">${index * step} s</text>`,
  );
  const curve = course.map(({ seconds, stored }) => `${x(seconds)},${y(stored / total)}`).join(" ");
  // The number of workers changes in steps, so it is not drawn as slopes.
  const steps = course
    .flatMap(({ seconds, workers: count }, index) => [
      ...(index === 0 ? [] : [`${x(seconds)},${ofWorkers(course[index - 1]!.workers)}`]),
      `${x(seconds)},${ofWorkers(count)}`,
    ])
    .join(" ");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 280" font-family="sans-serif" font-size="12" fill="#777">`,
    ...lines,
    ...workers,
    ...times,
    `<polyline points="${curve}" fill="none" stroke="${storedColour}" stroke-width="2"/>`,
    `<polyline points="${steps}" fill="none" stroke="${workersColour}" stroke-width="2"/>`,
    `<text x="${left}" y="275" fill="${storedColour}">messages stored</text><text x="${right}" y="275" text-anchor="end" fill="${workersColour}">workers</text>`,
    `</svg>`,
    "",
  ].join("\n");
}

import { chatKey, isRenumbered, lossesOf, mayBeLost, messageKey, type Model, type Sent } from "./model.ts";

/** Judges I1. Dead letters count as kept here, because I11 reports them. */
export function nothingIsLost(model: Model): string[] {
  const dead = new Map(model.deadLetters.map((line) => [line.uid, line]));
  const firstVersions = new Map(
    model.versions.filter(({ version }) => version === 1).map((line) => [messageKey(line), line.hash]),
  );
  const wrong: string[] = [];
  for (const message of acknowledged(model)) {
    const [row] = model.rowsOf.get(message.uid) ?? [];
    const kept = row ?? dead.get(message.uid);
    const excused = mayBeLost(model, message);
    if (kept === undefined) {
      if (!excused) wrong.push(`${message.uid} was acknowledged as ${String(message.number)} and is lost`);
      continue;
    }
    // A dead letter of a deleted chat no longer has a chat to compare.
    if (kept.type === "dead-letter" && model.run.expectations.deadLetters === true) continue;
    const hash = (kept.version ?? 1) > 1 ? firstVersions.get(messageKey(kept)) : kept.hash;
    // I17 judges the versions of an edited message. A deleted message has none.
    if (kept.deleted !== true && hash !== undefined && hash !== message.hash)
      wrong.push(`${message.uid} is stored with another body`);
    if (chatKey(kept) !== chatKey(message)) wrong.push(`${message.uid} is stored in chat ${chatKey(kept)}`);
    else if (kept.number !== message.number && !excused && !isRenumbered(model, message))
      wrong.push(`${message.uid} was acknowledged as ${String(message.number)} and is stored as ${kept.number}`);
  }
  return wrong;
}

/** Judges I2. A message that was sent again after Redis had lost its key may be stored twice, as documented. */
export function storedOnce(model: Model): string[] {
  return [...model.rowsOf].flatMap(([uid, rows]) => {
    const sent = model.sent.get(uid);
    if (uid === "" || rows.length === 1 || (sent !== undefined && isRepeatedAfterLoss(model, sent))) return [];
    return [`${uid} is stored ${rows.length} times: as ${rows.map(({ number }) => number).join(", ")}`];
  });
}

/** Returns whether a message began before Redis lost its data and was sent again later. */
export function isRepeatedAfterLoss(model: Model, { attempts }: Sent): boolean {
  return (
    attempts.length > 1 && lossesOf(model).some(({ t1 }) => attempts[0]!.t0 < t1 && attempts.at(-1)!.t1 > t1 - 1e9)
  );
}

/** Judges I4. A 4xx, `overloaded` or a refused connection means that the message was not accepted. */
export function refusedIsNotStored(model: Model): string[] {
  const messages = [...model.sent.values()]
    .filter(({ outcome, uid }) => outcome === "fail" && model.rowsOf.has(uid))
    .map(
      ({ uid, attempts }) => `${uid} was refused (${attempts.map(({ status }) => status).join(", ")}) and is stored`,
    );
  const created = Map.groupBy(
    model.operations.filter(({ op, uid }) => op === "create" && uid !== undefined),
    ({ uid }) => uid!,
  );
  const chats = [...created].flatMap(([name, attempts]) => {
    const found = model.chats.filter((chat) => chat.name === name).length;
    const outcomes = attempts.map(({ outcome }) => outcome);
    const excused = mayBeLost(model, { beganAt: attempts[0]!.t0 });
    if (outcomes.includes("ok") && found === 0 && !excused) return [`chat ${name} was created and does not exist`];
    const possible = outcomes.filter((outcome) => outcome !== "fail").length;
    const keyed = attempts.every(({ key }) => key !== undefined);
    if (found > (keyed ? Math.min(possible, 1) : possible))
      return [`chat ${name} exists ${found} times after the outcomes ${outcomes.join(", ")}`];
    return [];
  });
  return [...messages, ...chats];
}

/** Judges I6. If two requests overlap, either may have the smaller number. */
export function orderIsReal(model: Model): string[] {
  const wrong: string[] = [];
  for (const messages of Map.groupBy(reliable(model), chatKey).values()) {
    const byEnd = messages.toSorted((a, b) => a.knownAt - b.knownAt);
    let at = 0;
    let highest: Sent | undefined;
    for (const message of messages.toSorted((a, b) => a.beganAt - b.beganAt)) {
      for (; byEnd[at] !== undefined && byEnd[at]!.knownAt < message.beganAt; at += 1) {
        if (highest === undefined || byEnd[at]!.number! > highest.number!) highest = byEnd[at];
      }
      if (highest !== undefined && highest.number! > message.number!)
        wrong.push(
          `${message.uid} got ${String(message.number)}, but ${highest.uid} had been acknowledged as ${String(highest.number)} before it was sent`,
        );
    }
  }
  return wrong;
}

/** Judges I7. */
export function keyGivesOneNumber(model: Model): string[] {
  return acknowledged(model).flatMap((message) => {
    const answers = message.attempts.filter(({ outcome }) => outcome === "ok").map(({ number }) => number);
    if (new Set(answers).size === 1 || mayBeLost(model, message) || isRenumbered(model, message)) return [];
    return [`${message.uid} was acknowledged as ${answers.join(" and ")}`];
  });
}

/** Returns the acknowledged messages with a final number: neither possibly lost by Redis nor renumbered. */
export function reliable(model: Model): Sent[] {
  return acknowledged(model).filter((message) => !mayBeLost(model, message) && !isRenumbered(model, message));
}

/** Returns the acknowledged messages, in the order in which they were first sent. */
export function acknowledged(model: Model): Sent[] {
  return [...model.sent.values()].filter(({ outcome }) => outcome === "ok");
}

type Block = "Paragraph" | "Header" | "TableCell";

export interface Pattern {
  readonly expression: RegExp;
  readonly advice: string;
  /**
   * The blocks in which the pattern applies. A heading may be a noun clause, and a table cell may describe a setting.
   */
  readonly blocks: readonly Block[];
}

export const anywhere: readonly Block[] = ["Paragraph", "Header", "TableCell"];

const sentenceStart = String.raw`(?:^ *|(?<=[.!?;] ))`;
const clauseEnd = String.raw`(?=$|[.,;:)]| (?:and|or|for|from|to|of|in|on|at|with|by|while|when|is|are)\b)`;
const timeUnit = "(?:second|minute|hour|day|week|month|year)";
const countedInTime = String.raw`(?:\d[\d,]*(?:\.\d+)?|messages|requests|queries|bytes|times|rows|jobs|writes|reads|spans|others)`;
const group =
  "(?:batch|message|statement|request|item|chat|turn|line|page|process|partition|commit|job|call|pod|file|image|service)";

/** Shapes of bad sentences that no list of words can describe. The glossary has an example of each. */
export const patterns: readonly Pattern[] = [
  {
    expression: new RegExp(String.raw`\b${countedInTime} an? ${timeUnit}\b${clauseEnd}`, "gi"),
    advice: 'write "per"',
    blocks: anywhere,
  },
  {
    expression: new RegExp(String.raw`\b(?:\d[\d,]*|one|many|once) (?:[a-z-]+ )?an? ${group}\b${clauseEnd}`, "gi"),
    advice: 'write "per"',
    blocks: anywhere,
  },
  {
    expression:
      /(?<=[a-z`'")] )(?<!\b(?:do|does|did|and|but|if|or|is|are|was|were|be|not|even|just|say|says) )so (?!(?:as|is|its|this|was|has|always|does)\b)[a-z]{2,}s\b/g,
    advice: 'begin the sentence with "So", or write "therefore"',
    blocks: anywhere,
  },
  {
    expression: new RegExp(String.raw`${sentenceStart}(?:what|whatever|whoever)\b[^.?!]*(?:[.!]|$)`, "gi"),
    advice: "name the subject",
    blocks: ["Paragraph"],
  },
  {
    expression: new RegExp(String.raw`${sentenceStart}Of (?!course)[^.?!]*`, "g"),
    advice: "name the subject first",
    blocks: ["Paragraph", "TableCell"],
  },
  {
    expression: /\b(?:is|are|was|were|be) (?:already |not |still |all )?there(?=[.,;:)]|$)/gi,
    advice: 'write "exists", "is available"',
    blocks: anywhere,
  },
  {
    expression: /^ *(?:the )?(?:most|least) (?!of\b)[a-z]+/gi,
    advice: 'write "maximum" or "minimum"',
    blocks: ["TableCell"],
  },
  { expression: /\bthe least [a-z]+ (?!of\b)/gi, advice: 'write "minimum"', blocks: anywhere },
];

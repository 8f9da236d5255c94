import { ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import { SamplingDecision } from "@opentelemetry/sdk-trace";
import { expect } from "chai";
import { createHeadSampling } from "./head-sampling.ts";

const env = (part: string, sampler = "parentbased_traceidratio") => ({
  OTEL_TRACES_SAMPLER: sampler,
  OTEL_TRACES_SAMPLER_ARG: part,
});
const below = (traceFlags: number) =>
  trace.setSpanContext(ROOT_CONTEXT, { traceId: "a".repeat(32), spanId: "b".repeat(16), traceFlags });

describe("head sampling", () => {
  it("keeps the part of the roots that is asked for, and has the SDK keep the same", () => {
    let thrown = 0;
    const sampling = createHeadSampling(env("0.25"), () => (thrown++ % 100) / 100)!;
    const admitted = Array.from({ length: 200 }, () => sampling.admit(ROOT_CONTEXT)).filter(
      (each) => each !== undefined,
    );
    expect(admitted).to.have.length(50);
    const decide = (context: typeof ROOT_CONTEXT) =>
      sampling.sampler.shouldSample(context, "a".repeat(32), "GET", SpanKind.SERVER, {}, []).decision;
    expect(new Set(admitted.map(decide))).to.deep.equal(new Set([SamplingDecision.RECORD_AND_SAMPLED]));
    expect(decide(ROOT_CONTEXT)).to.equal(SamplingDecision.NOT_RECORD);
  });

  it("does what the caller decided, whatever the part", () => {
    const [never, always] = [createHeadSampling(env("0"))!, createHeadSampling(env("1"))!];
    expect(never.admit(ROOT_CONTEXT)).to.equal(undefined);
    const sampled = below(1);
    expect(never.admit(sampled)).to.equal(sampled);
    expect(never.sampler.shouldSample(sampled, "a".repeat(32), "GET", SpanKind.SERVER, {}, []).decision).to.equal(
      SamplingDecision.RECORD_AND_SAMPLED,
    );
    expect(always.admit(ROOT_CONTEXT)).to.not.equal(undefined);
    expect(always.admit(below(0))).to.equal(undefined);
  });

  it("lets no stranger decide, and keeps its trace", () => {
    const [never, always] = [createHeadSampling(env("0"))!, createHeadSampling(env("1"))!];
    expect(never.admit(below(1), true)).to.equal(undefined);
    const admitted = always.admit(below(0), true)!;
    expect(trace.getSpanContext(admitted)).to.deep.include({ traceId: "a".repeat(32), spanId: "b".repeat(16) });
    expect(always.sampler.shouldSample(admitted, "a".repeat(32), "GET", SpanKind.SERVER, {}, []).decision).to.equal(
      SamplingDecision.RECORD_AND_SAMPLED,
    );
  });

  it("leaves every other sampler, and a part that is none, to the SDK", () => {
    for (const other of [env("0.1", "traceidratio"), env("", "parentbased_traceidratio"), env("2"), env("x"), {}]) {
      expect(createHeadSampling(other)).to.equal(undefined);
    }
  });
});

/** Examples on real data that check their own answers. */
import { beforeAll, expect, it } from "vitest";
import { ROOT, succeed } from "./support.js";

beforeAll(async () => {
  await succeed(process.execPath, ["scripts/build.mjs", "--bundles"], { cwd: ROOT });
}, 120_000);

/** What a program prints. */
const printed = async (name: string): Promise<string> => (await succeed(process.execPath, ["scripts/run.mjs", `examples/${name}.ts`], { cwd: ROOT })).stdout;

it("routes: the miles that airports send into the air", { timeout: 120_000 }, async () => {
  const text = await printed("routes");
  expect(text).toMatch(/^ATL .*\s173\s+414,513\s+266\.1\s+4,495 mi$/m);
  expect(text).toContain("303 origins; all as in plain JavaScript");
});

it("flights by hour: when and where they are late", { timeout: 120_000 }, async () => {
  const text = await printed("flights-by-hour");
  expect(text).toMatch(/^17 +1,079 +8\.1 +24\.2 % +295 +15\.9 +31\.9 %$/m);
  expect(text).toMatch(/^JFK .* 200 +16\.2$/m);
  expect(text).toContain("45 hours, west and east; all as over arrays of objects");
});

it("mandelbrot: a picture", { timeout: 120_000 }, async () => {
  const text = await printed("mandelbrot");
  expect(text).toContain("49,884,287 rounds, 155,722 of 614,400 points stay; all as in plain JavaScript");
  expect(text).toMatch(/build\/pictures\/mandelbrot\.png$/m);
});

it("stocks: windows and scans", { timeout: 120_000 }, async () => {
  const text = await printed("stocks");
  expect(text).toMatch(/^2008 +903\.3 +-38\.5 % +11\.6 % +-9\.0 % +-51\.9 % +0\.0 %$/m);
  expect(text).toContain("5,105 days; all as in plain loops, bit for bit");
});

it("image: stencils", { timeout: 120_000 }, async () => {
  const text = await printed("image");
  expect(text).toContain("108 × 108 pixels; all as in plain loops, bit for bit");
  expect(text).toMatch(/build\/pictures\/edges\.png$/m);
});

it("stream: four gigabytes in constant memory", { timeout: 120_000 }, async () => {
  const text = await printed("stream");
  expect(text).toMatch(/^mean square +332,833\.472 +as it must be$/m);
  expect(text).toMatch(/^536,870,912 readings, 4,096 MiB, three times/m);
  expect(text).toMatch(/^peak memory \d+ MiB of the whole process: less than 256$/m);
});

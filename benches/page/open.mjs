// How long a browser takes to open a run's page: until it is loaded and painted, over several times.
//
//   badgateway run scenarios/quickstart.yaml --engine virtual --duration 6700s --records none --out million
//   node benches/page/open.mjs .tools million/report.html
//
// The first argument is the folder whose node_modules has playwright-core (`make setup`).
import { createRequire } from "node:module";
import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [tools, file] = process.argv.slice(2);
const { chromium } = createRequire(join(resolve(tools), "package.json"))("playwright-core");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu"],
});
const times = [];
for (let round = 0; round < 5; round += 1) {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  const begin = performance.now();
  await page.goto(pathToFileURL(resolve(file)).href);
  // What is drawn is there once a second frame has begun.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  times.push(Math.round(performance.now() - begin));
  await page.close();
}
await browser.close();
console.log(`${(statSync(file).size / 1e6).toFixed(2)} MB, opened in ${times.join(", ")} ms`);

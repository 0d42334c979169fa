// Opens pages in a browser and tells what it finds, as one JSON document on stdout.
//
//   node check.mjs TOOLS PAGE...
//
// TOOLS is the folder whose node_modules has playwright-core and axe-core.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [tools, ...pages] = process.argv.slice(2);
const require = createRequire(join(resolve(tools), "package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ],
});

/** The text of each cell of the first table of each section, row by row. */
const tables = () => Object.fromEntries(Array.from(document.querySelectorAll("section"), (section) => {
  const table = section.querySelector("table");
  const cells = (row) => Array.from(row.cells, (cell) => cell.textContent.trim());
  return [section.className, table ? Array.from(table.tBodies[0].rows, cells) : []];
}));

/** What can be seen of the examples and of the charts of one kind. */
const seen = () => ({
  filter: !document.getElementById("filter").hidden,
  shown: Array.from(document.querySelectorAll("details.example:not([hidden])"), (one) => one.dataset.kinds),
  charts: Array.from(document.querySelectorAll("figure.only:not([hidden])"), (one) => one.dataset.kinds),
  faded: document.querySelectorAll(".off").length,
  pressed: Array.from(document.querySelectorAll("[aria-pressed=true][data-pick]"), (one) => one.dataset.pick),
});

async function look(file, colorScheme, width) {
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
  const page = await context.newPage();
  const errors = [];
  page.on("console", (message) => { if (message.type() === "error") errors.push(message.text()); });
  page.on("pageerror", (error) => errors.push(error.message));
  const requests = [];
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(pathToFileURL(resolve(file)).href);
  const result = { errors, requests };
  result.headline = await page.locator("section.headline").first().innerText();
  result.tables = await page.evaluate(tables);
  result.overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  result.ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  // Everything that can be opened is looked at too.
  await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  result.violations = violations
    .filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 200)).join(" | ")}`);
  const buttons = page.locator("button.pick");
  result.picks = [];
  for (let i = 0; i < Math.min(await buttons.count(), 3); i += 1) {
    await buttons.nth(i).click();
    result.picks.push({ kind: await buttons.nth(i).getAttribute("data-pick"), ...(await page.evaluate(seen)) });
    await page.keyboard.press("Escape");
  }
  // A place of the drawing, by keyboard alone.
  const place = page.locator(".topology g[data-pick]").first();
  if (await place.count()) {
    await place.focus();
    await page.keyboard.press("Enter");
    result.place = { kinds: await place.getAttribute("data-pick"), ...(await page.evaluate(seen)) };
    await page.locator("#clear").click();
  }
  result.cleared = await page.evaluate(seen);
  await page.locator("#theme").click();
  result.other = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  // On A4 paper, and with dark colours chosen.
  await page.evaluate(() => { document.documentElement.dataset.theme = "dark"; });
  await page.emulateMedia({ media: "print" });
  await page.setViewportSize({ width: 703, height: 1000 });
  result.print = await page.evaluate(() => ({
    controls: Array.from(document.querySelectorAll("button:not(.pick), .controls, .skip, #filter, #tip"))
      .filter((one) => one.getClientRects().length > 0).map((one) => one.outerHTML.slice(0, 100)),
    ground: getComputedStyle(document.body).backgroundColor,
    overflow: document.documentElement.scrollWidth - window.innerWidth,
  }));
  result.print.bytes = (await page.pdf({ format: "A4" })).length;
  await context.close();
  return result;
}

const found = {};
for (const file of pages) {
  found[file] = { light: await look(file, "light", 1200) };
  // The style is the same for all.
  if (file === pages[0]) found[file].dark = await look(file, "dark", 390);
}
await browser.close();
process.stdout.write(JSON.stringify(found));
